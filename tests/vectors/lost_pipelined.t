>>>
GET /1 HTTP/1.1
Host: h.test

GET /2 HTTP/1.1
Host: h.test

GET /3 HTTP/1.1
Host: h.test

<<< lost
HTTP/1.1 200 OK
Content-Length: 4

xxxx\c
<<<
HTTP/1.1 404 Not Found
Content-Length: 0

<<<
HTTP/1.1 200 OK
Content-Length: 7

xxxxxxx\c
>>>
GET /4 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 201 Created
Content-Length: 0

>>>
GET /5 HTTP/1.1
Host: h.test

GET /6 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 1

x\c
HTTP/1.1 200 OK
Content-Length: 2

xx\c
===
-  200 complete req=0 rsp=7 body=known
-  404 complete req=0 rsp=0 body=known
GET /1 0 gap req=0 rsp=0 body=unknown truncated
GET /2 0 gap req=0 rsp=0 body=unknown truncated
GET /3 0 gap req=0 rsp=0 body=unknown truncated
GET /4 201 complete req=0 rsp=0 body=known resync
GET /5 200 complete req=0 rsp=1 body=known
GET /6 200 complete req=0 rsp=2 body=known
