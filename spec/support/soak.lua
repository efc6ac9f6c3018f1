-- soak.lua [CYCLES]: connect, starttls, a line each way, close, again and again, over TCP, in one
-- process; some of them fail, each in another way. What is left at the end: descriptors that are
-- still open, and KiB of resident memory, beyond what a tenth of the cycles had taken.
local support = require "spec.support.init"
local hostile = require "spec.support.hostile"
local urlsock = require "urlsock"

local cycles = tonumber(arg and arg[1]) or 100000
local listener = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 10 }))
local url = listener:localname()
local client = assert(urlsock.tls { ca = support.cert "ca.pem", servername = "localhost" })
local stranger = assert(urlsock.tls { ca = support.cert "ca.pem", servername = "other.test" })
local server =
  assert(urlsock.tls { cert = support.cert "server.pem", key = support.cert "server.key" })

-- What becomes of a cycle: the last digit of its number says it.
local injected, refused, cut = 7, 8, 9
local kind = 0

local function client_side()
  local s = assert(urlsock.connect(url, { timeout = 10 }))
  assert(s:read() == "220 go ahead")
  if kind == cut then return s:close() end
  local ok, _, code = s:starttls(kind == refused and stranger or client)
  if kind == refused then
    assert(code == "verify", code)
  elseif kind == injected then
    assert(code == "injected" or code == "plaintext", code)
  else
    assert(ok, code)
    assert(s:write "hello\n")
    assert(s:read() == "HELLO")
  end
  s:close()
end

local function server_side()
  local s = assert(listener:accept())
  assert(s:write("220 go ahead\r\n", kind == injected and "250 injected\r\n" or ""))
  if s:starttls(server) then
    local line = s:read()
    if line then s:write(line:upper(), "\n") end
    s:read()
  end
  s:close()
end

local function settle()
  return hostile.descriptors(), hostile.memory "VmRSS"
end

local descriptors, memory
for i = 1, cycles do
  kind = i % 10
  support.together(client_side, server_side)
  if i == math.ceil(cycles / 10) then
    descriptors, memory = settle()
  end
end
local left, grown = settle()
print(("%d cycles: %d descriptors, %d KiB more"):format(cycles, left - descriptors, grown - memory))
