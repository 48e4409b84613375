>>>
GET /1 HTTP/1.1
Host: h.test

<<< lost
HTTP/1.1 200 OK
Content-Length: 3

one\c
>>> lost
GET /2 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 201 Created
Content-Length: 0

>>>
POST /3 HTTP/1.1
Host: h.\c
>>> lost
test
Content-Length: 0

<<<
HTTP/1.1 202 Accepted
Content-Length: 0

>>>
GET /4 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 4

four\c
===
-  201 complete req=0 rsp=0 body=known
-  202 complete req=0 rsp=0 body=known
GET /1 0 gap req=0 rsp=0 body=unknown truncated
GET /4 200 complete req=0 rsp=4 body=known resync
