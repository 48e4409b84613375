>>> lost
GET /1 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 3

one\c
>>>
GET /2 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 404 Not Found
Content-Length: 0

>>>
GET /3 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 5

three\c
===
-  200 complete req=0 rsp=3 body=known
GET /2 404 complete req=0 rsp=0 body=known resync
GET /3 200 complete req=0 rsp=5 body=known
