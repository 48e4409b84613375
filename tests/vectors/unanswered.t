>>>
GET /void HTTP/1.1
Host: h.test

===
GET /void 0 capture_end req=0 rsp=0 body=unknown truncated
