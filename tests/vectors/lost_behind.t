>>>
GET /1 HTTP/1.1
Host: h.test

GET /2 HTTP/1.1
Host: h.test

>>> lost
GET /3 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 3

one\c
<<<
HTTP/1.1 404 Not Found
Content-Length: 0

<<<
HTTP/1.1 200 OK
Content-Length: 5

three\c
>>>
GET /4 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 201 Created
Content-Length: 4

four\c
>>>
GET /5 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 202 Accepted
Content-Length: 0

===
-  200 complete req=0 rsp=5 body=known
-  201 complete req=0 rsp=4 body=known
GET /1 200 complete req=0 rsp=3 body=known
GET /2 404 complete req=0 rsp=0 body=known
GET /4 0 gap req=0 rsp=0 body=unknown truncated
GET /5 202 complete req=0 rsp=0 body=known resync
