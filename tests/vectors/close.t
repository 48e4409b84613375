>>>
GET /old HTTP/1.0

<<<
HTTP/1.0 200 OK

until the end\c
fin <
fin >
===
GET /old 200 complete req=0 rsp=13 body=known
