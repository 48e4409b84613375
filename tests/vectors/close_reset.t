>>>
GET /old HTTP/1.0

<<<
HTTP/1.0 200 OK

until the reset\c
rst <
===
GET /old 200 server_abort req=0 rsp=15 body=unknown truncated
