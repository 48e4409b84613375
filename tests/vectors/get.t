>>>
GET /a?x=1 HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 5

hello\c
===
GET /a?x=1 200 complete req=0 rsp=5 body=known
