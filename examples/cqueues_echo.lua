-- Echoes lines to any number of clients at once, on cqueues, in the clear or under TLS.
--
--   lua examples/cqueues_echo.lua tcp://127.0.0.1:7000
--   lua examples/cqueues_echo.lua tls://127.0.0.1:7000 cert.pem key.pem
local cqueues = require "cqueues"
local urlsock = require "urlsock"

local url, cert, key = arg[1] or "tcp://127.0.0.1:0", arg[2], arg[3]
local listener = assert(urlsock.listen(url, {
  timeout = 86400, backlog = 4096, tls = cert and { cert = cert, key = key } or nil,
}))
listener:settimeout(nil)
print(listener:localname())
io.stdout:flush()

local controller = cqueues.new()

local function echo(client)
  while true do
    local line = client:read "L"
    if not line or not client:write(line) then break end
  end
  client:close()
end

controller:wrap(function()
  while true do
    local client, message = listener:accept()
    if client then
      controller:wrap(function() echo(client) end)
    else -- too many descriptors, say: some clients will go
      io.stderr:write(message, "\n")
      cqueues.sleep(0.1)
    end
  end
end)

assert(controller:loop())
