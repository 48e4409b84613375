>>>
GET /1 HTTP/1.1
Host: h.test

<<< lost
HTTP/1.1 200 OK
Content-Length: 3

one\c
>>>
GET /2 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 404 Not Found
Content-Length: 0

>>> lost
GET /3 HTTP/1.1
Host: h.test

<<< lost
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
===
GET /1 0 gap req=0 rsp=0 body=unknown truncated
GET /2 404 complete req=0 rsp=0 body=known resync
GET /4 201 complete req=0 rsp=4 body=known resync
