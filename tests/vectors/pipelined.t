>>>
GET /1 HTTP/1.1
Host: h.test

GET /2 HTTP/1.1
Host: h.test

HEAD /3 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 3

one\c
HTTP/1.1 404 Not Found
Content-Length: 0

<<<
HTTP/1.1 200 OK
Content-Length: 1000

===
GET /1 200 complete req=0 rsp=3 body=known
GET /2 404 complete req=0 rsp=0 body=known
HEAD /3 200 complete req=0 rsp=0 body=unknown
