-- Our verdict on a certificate is plain libtls's, or stricter: never laxer.
local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert = support.cert

local certificates = {
  "server", "server-ec", "chain", "chain-leaf", "expired", "notyet", "revoked", "cnonly",
  "wronghost", "wildcard", "client", "stranger", "badeku", "selfsigned", "byleaf", "client-old",
  "client-server", "constrained", "critical", "dnsip", "dotname", "noname", "nulname", "partial",
  "staleca", "star", "startld", "toolong",
}
local names = {
  "localhost", "LOCALHOST", "localhost.", "mail.test", "a.mail.test", "a.b.mail.test", "wrong.test",
  "127.0.0.1", "127.0.0.2", "::1", "client", "test", "xn--mil-ela.test", "0:0::1",
}

describe("a verdict on a certificate", function()
  for _, name in ipairs(certificates) do
    it("is no laxer than libtls's own: " .. name, function()
      local key = name == "chain" and "chain-leaf" or name
      local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = {
        cert = cert(name .. ".pem"), key = cert(key .. ".key") } }))
      local port = urlsock.parse(l:localname()).port
      for _, servername in ipairs(names) do
        local ours = support.together(function()
          local s = urlsock.connect(l:localname(),
            { tls = { ca = cert "ca.pem", servername = servername } })
          if s then s:close() end
          return s ~= nil
        end, function()
          local s = assert(l:accept())
          s:handshake()
          s:close()
        end)[1]
        local plain = io.popen(("build/native/plain_client %s %s %d 2>/dev/null; echo $?"):format(
          cert "ca.pem", servername, port))
        local s = assert(l:accept(5))
        s:handshake()
        s:close()
        local theirs = plain:read "*n" == 0
        plain:close()
        assert.equal(theirs, ours, servername)
      end
      l:close()
    end)
  end
end)
