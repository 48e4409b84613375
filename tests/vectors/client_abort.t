>>>
GET /slow HTTP/1.1
Host: h.test

<<<
HTTP/1.1 200 OK
Content-Length: 100

half\c
fin >
rst >
===
GET /slow 200 client_abort req=0 rsp=4 body=unknown truncated
