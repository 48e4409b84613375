>>>
CONNECT inner.test:80 HTTP/1.1
Host: inner.test:80

<<<
HTTP/1.1 200 Connection established

>>>
GET /inside HTTP/1.1
Host: inner.test

<<<
HTTP/1.1 200 OK
Content-Length: 2

ok\c
===
CONNECT inner.test:80 200 complete req=0 rsp=0 body=unknown
GET /inside 200 complete req=0 rsp=2 body=known
