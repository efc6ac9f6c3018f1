local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert = support.cert
local lua = os.getenv "LUA" or "lua5.4"

-- What a client with that environment and no option ca answers.
local function fetch(environment)
  local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = {
    cert = cert "server.pem", key = cert "server.key" } }))
  local port = urlsock.parse(l:localname()).port
  local command = "env -u SSL_CERT_FILE -u SSL_CERT_DIR %s %s examples/https_get.lua localhost %d /"
  local client = io.popen(command:format(environment, lua, port) .. " 2>&1")
  local s = assert(l:accept(10))
  repeat local line = s:read() until not line or line == ""
  s:write("HTTP/1.0 200 OK\r\n\r\nok")
  s:close()
  local output = client:read "*a"
  client:close()
  l:close()
  return output
end

describe("the trust store", function()
  it("is the system's, which does not know our certificate authority", function()
    assert.matches("certificate verification failed", fetch "")
  end)

  it("is the file that SSL_CERT_FILE names", function()
    assert.matches("ok", fetch("SSL_CERT_FILE=" .. cert "ca.pem"))
  end)

  it("is the hashed directory that SSL_CERT_DIR names", function()
    local dir = support.shell "mktemp -d"
    support.shell(("cp %s %s/ && openssl rehash %s"):format(cert "ca.pem", dir, dir))
    assert.matches("ok", fetch("SSL_CERT_DIR=" .. dir))
    support.shell("rm -r " .. dir)
  end)

  it("is an error where SSL_CERT_FILE cannot be read", function()
    local output = support.shell(("env SSL_CERT_FILE=/nonexistent %s -e '%s' 2>&1"):format(lua,
      'print(require("urlsock").tls {})'))
    assert.matches("SSL_CERT_FILE", output)
    assert.matches("tls$", output)
  end)

  it("is not missed by a server, whatever it asks its clients for", function()
    local script = [[print(require("urlsock").tls { cert = "%s", key = "%s", client = "require",
      clientca = "%s" })]]
    assert.matches("^tls configuration", support.shell(
      ("env SSL_CERT_FILE=/nonexistent %s -e '%s' 2>&1"):format(lua,
        script:format(cert "server.pem", cert "server.key", cert "ca.pem"))))
  end)
end)
