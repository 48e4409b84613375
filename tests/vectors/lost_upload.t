>>>
POST /1 HTTP/1.1
Host: h.test
Transfer-Encoding: chunked

5
hello
>>> lost
5
world
0

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
POST /1 201 gap req=5 rsp=0 body=known request_truncated
GET /2 200 complete req=0 rsp=3 body=known resync
