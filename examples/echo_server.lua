-- Echoes lines, one client after the other, in the clear or under TLS.
--
--   lua examples/echo_server.lua tcp://127.0.0.1:7000
--   lua examples/echo_server.lua tls://127.0.0.1:7000 cert.pem key.pem
local urlsock = require "urlsock"

local url, cert, key = arg[1] or "tcp://127.0.0.1:0", arg[2], arg[3]
local listener = assert(urlsock.listen(url, cert and { tls = { cert = cert, key = key } } or nil))
print(listener:localname())
io.stdout:flush()
listener:settimeout(nil)
for client in listener:clients() do
  for line in client:lines "L" do
    if not client:write(line) then break end
  end
  client:close()
end
