-- Sends each line of the standard input and prints the answer to it.
--
--   lua examples/line_client.lua tcp://127.0.0.1:7000
--   lua examples/line_client.lua tls://localhost:7000 ca.pem
local urlsock = require "urlsock"

local url, ca = assert(arg[1], "a URL is needed"), arg[2]
local s = assert(urlsock.connect(url, ca and { tls = { ca = ca } } or nil))
for line in io.lines() do
  assert(s:write(line, "\n"))
  print(assert(s:read()))
end
s:close()
