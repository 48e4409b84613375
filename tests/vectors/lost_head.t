>>> lost
POST /1 HTTP/1.1
Host: h.test
Content-Length: 7

>>>
rest"}}\c
<<<
HTTP/1.1 201 Created
Content-Length: 0

>>>
GET /2 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 3

two\c
===
-  201 complete req=0 rsp=0 body=known
GET /2 200 complete req=0 rsp=3 body=known resync
