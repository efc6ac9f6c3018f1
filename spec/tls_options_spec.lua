-- Each option of a TLS configuration: with a peer that sees its effect, and where it is wrong.
local support = require "spec.support.init"
local urlsock = require "urlsock"

local with, cert, upgrade, serving = support.with, support.cert, support.upgrade, support.serving

--- What urlsock.tls says to wrong options.
local function refuses(given, option, code, what)
  local tls, message, got = urlsock.tls(given)
  assert.is_nil(tls, option)
  assert.equal(code or "tls", got)
  assert.equal(option, message:match "^[%w_%[%].]+")
  if what then assert.matches(what, message) end
end

--- What became of the client.
local function client_of(client, server)
  local a, b, result = upgrade(client, server)
  b:close()
  return result, a
end

describe("the option", function()
  it("password opens a key, of a file and of text", function()
    for _, key in ipairs { cert "server.enc.key", support.contents "server.enc.key" } do
      local server = { cert = cert "server.pem", key = key, password = "secret", role = "server" }
      assert.is_truthy(client_of(support.client, server)[1])
      refuses({ cert = cert "server.pem", key = key, password = "wrong" }, "password", "tls",
        "does not open")
      refuses({ cert = cert "server.pem", key = key }, "key", "tls", "encrypted")
    end
    refuses({ cert = cert "server.pem", key = cert "server.key", password = "x" }, "password",
      "tls", "not encrypted")
    refuses({ password = "x" }, "password")
  end)

  it("servername holds for an object too, and is the name of a host", function()
    local other = with(support.client, { servername = "other.test" })
    for _, o in ipairs { other, assert(urlsock.tls(other)) } do
      local result = client_of(o, support.server)
      assert.equal("verify", result[3])
      assert.matches("not for 'other.test'", result[2], 1, true)
    end
    assert.is_truthy(client_of(assert(urlsock.tls(support.client)), support.server)[1])
    for _, name in ipairs { "a b", "localhost\n", "[::1]", "b\195\188cher.test", ".", "a..b" } do
      refuses({ servername = name }, "servername")
    end
    for _, name in ipairs { "", "localhost\0.evil.test" } do
      assert.has_error(function() urlsock.tls { servername = name } end)
    end
  end)

  it("cert and key are told apart where one of them does not do", function()
    local problems = {
      [{ cert = cert "sha1.pem", key = cert "sha1.key" }] = "^cert: .* too weak",
      [{ cert = cert "server.pem", key = cert "client.key" }] = "^key: .* does not belong",
      [{ certs = {
        { cert = cert "server.pem", key = cert "server.key" },
        { cert = cert "wildcard.pem", key = cert "client.key" },
      } }] = "^certs%[2%]%.key: .* does not belong",
    }
    for options, pattern in pairs(problems) do
      local config, message, code = urlsock.tls(options)
      -- LibreSSL takes what OpenSSL finds too weak
      if not (config and pattern:find "weak") then
        assert.is_nil(config)
        assert.equal("tls", code)
        assert.matches(pattern, message)
      end
    end
  end)

  it("certs names the one of its own that does not do", function()
    local good = { cert = cert "server.pem", key = cert "server.key" }
    local bad = { cert = cert "server.pem", key = cert "client.key" }
    refuses({ certs = { bad } }, "certs[1].key")
    refuses({ certs = { { cert = cert "server.pem" } } }, "certs[1].cert")
    refuses(with(good, { certs = { bad } }), "certs[1].key")
    refuses(with(bad, { certs = { good } }), "key")
    refuses(with(good, { certs = { good, { cert = "nosuch", key = "nosuch" } } }), "certs[2].cert")
  end)

  it("cert is read with all of its chain", function()
    local chain = support.contents "server.pem" .. support.contents "ca.pem":sub(1, 300)
    refuses({ cert = chain, key = cert "server.key" }, "cert", "tls", "cannot be read")
  end)

  it("certs is chosen from by the name asked for, the first by default", function()
    local server = {
      role = "server", certs = {
        { cert = cert "server-ec.pem", key = cert "server-ec.key" },
        { cert = cert "wronghost.pem", key = cert "wronghost.key" },
        { cert = cert "wildcard.pem", key = cert "wildcard.key" },
      },
    }
    for name, subject in pairs {
      localhost = "localhost", ["wrong.test"] = "wrong.test", ["WRONG.test."] = "wrong.test",
      ["a.mail.test"] = "mail.test",
    } do
      local result, a = client_of(with(support.client, { servername = name }), server)
      assert.is_truthy(result[1], result[2])
      assert.matches(subject, a:info().peer.subject, 1, true)
      assert.equal(name:gsub("%.$", ""), (a:info().servername:gsub("%.$", "")))
    end
    local result = client_of(with(support.client, { servername = "other.test" }), server)
    assert.equal("verify", result[3])
    assert.matches("localhost, mail.test, 127.0.0.1, ::1", result[2], 1, true)
    refuses({ certs = { { cert = cert "server.pem", key = cert "server.key" },
      { cert = cert "server-ec.pem", key = cert "server.key" } } }, "certs[2].key")
    refuses({ certs = { { key = cert "server.key" } } }, "certs[1].cert")
    assert.has_error(function() urlsock.tls { certs = {} } end)
    assert.has_error(function() urlsock.tls { certs = { { crt = "x" } } } end)
    assert.has_error(function() urlsock.tls { certs = "x" } end)
  end)

  it("pin, alpn and the like are no empty lists, nor ones that only look like lists", function()
    for _, name in ipairs { "pin", "alpn", "protocols", "ticket_keys" } do
      for _, list in ipairs { {}, { first = "x" }, { [2] = "x" }, { 5 }, { nil, "x" } } do
        local ok, message = pcall(urlsock.tls, { [name] = list })
        assert.is_false(ok)
        assert.matches(("option '%s' to 'tls': string or list of strings"):format(name), message, 1,
          true)
      end
    end
    refuses({ pin = "SHA256:" .. ("a"):rep(64) .. "\0b" }, "pin", "tls", "NUL")
  end)

  it("crl refuses a certificate that is revoked, and only that", function()
    local client = with(support.client, { crl = cert "crl.pem" })
    assert.is_truthy(client_of(client, serving "server")[1])
    local result = client_of(client, serving "revoked")
    assert.equal("verify", result[3])
    assert.matches("revoked", result[2])
    assert.is_truthy(client_of(support.client, serving "revoked")[1])
    refuses({ crl = cert "ca.pem" }, "crl", "tls", "CRL")
    refuses({ crl = cert "crl.pem", insecure_noverifycert = true }, "crl")
  end)

  it("depth counts the certificates between the server's and a trusted one", function()
    for depth, ok in pairs { [0] = false, [1] = true, [2] = true } do
      local result = client_of(with(support.client, { depth = depth }),
        { cert = cert "chain.pem", key = cert "chain-leaf.key", role = "server" })
      assert.equal(ok, result[1] ~= nil, ("depth %d: %s"):format(depth, tostring(result[2])))
      if not ok then assert.equal("verify", result[3]) end
    end
    assert.is_truthy(client_of(with(support.client, { depth = 0 }), serving "server")[1])
    assert.has_error(function() urlsock.tls { depth = -1 } end)
    assert.has_error(function() urlsock.tls { depth = 1.5 } end)
  end)

  it("staple reaches the client, which may require it", function()
    local client = with(support.client, { ocsp = "require" })
    local result, a = client_of(client, with(serving "server", { staple = cert "server.ocsp" }))
    assert.is_truthy(result[1], result[2])
    assert.equal("good", a:info().ocsp.status)
    assert.equal("http://127.0.0.1:1/", a:info().ocsp.url)
    result = client_of(support.client, with(serving "revoked", { staple = cert "revoked.ocsp" }))
    assert.equal("verify", result[3])
    -- without one, with another certificate's, and with none that can be read
    assert.equal("verify", client_of(client, serving "server")[3])
    assert.equal("verify", client_of(client,
      with(serving "server-ec", { staple = cert "server.ocsp" }))[3])
    local pem = "-----BEGIN OCSP RESPONSE-----\n"
      .. support.shell("base64 " .. cert "server.ocsp") .. "\n-----END OCSP RESPONSE-----\n"
    assert.is_truthy(client_of(client, with(serving "server", { staple = pem }))[1])
    refuses({ cert = cert "server.pem", key = cert "server.key", staple = cert "server.pem" },
      "staple")
    refuses({ staple = cert "server.ocsp" }, "staple")
    refuses({ ocsp = "maybe" }, "ocsp")
    -- libtls would take any, that of a revoked certificate too
    refuses({ ocsp = "require", insecure_noverifycert = true }, "ocsp")
    refuses({ ocsp = "require", insecure_noverifytime = true }, "ocsp")
  end)

  it("san demands more than a common name", function()
    assert.is_truthy(client_of(support.client, serving "cnonly")[1])
    local strict = with(support.client, { san = "require" })
    local result = client_of(strict, serving "cnonly")
    assert.equal("verify", result[3])
    assert.matches("common name", result[2])
    assert.is_truthy(client_of(strict, serving "server")[1])
    refuses({ san = "yes" }, "san")
    refuses({ san = "require", insecure_noverifyname = true }, "san")
  end)

  it("pin is one of several, in any case, with colons", function()
    local _, a = client_of(support.client, serving "server")
    local hash = a:info().peer.hash
    local colons = hash:gsub("^SHA256:", ""):upper():gsub("%x%x", "%0:"):gsub(":$", "")
    local pins = { "SHA256:" .. ("0"):rep(64), "sha256:" .. colons }
    local client = with(support.client, { pin = pins })
    assert.is_truthy(client_of(client, serving "server")[1])
    local result = client_of(client, serving "server-ec")
    assert.equal("verify", result[3])
    assert.matches("pinned", result[2])
    -- the pin alone is the trust
    client = { servername = "localhost", insecure_noverifycert = true, pin = hash }
    assert.is_truthy(client_of(client, serving "server")[1])
    refuses({ pin = "MD5:00" }, "pin")
    refuses({ pin = hash .. "00" }, "pin")
  end)

  it("protocols and ciphers are what both sides have", function()
    local client = with(support.client, { protocols = "tlsv1.2",
      ciphers = "ECDHE-RSA-AES256-GCM-SHA384" })
    local result, a = client_of(client, serving "server")
    assert.is_truthy(result[1], result[2])
    assert.equal("TLSv1.2", a:info().version)
    assert.equal("ECDHE-RSA-AES256-GCM-SHA384", a:info().cipher)
    assert.equal(256, a:info().bits)
    result = client_of(with(support.client, { protocols = "tlsv1.2" }),
      with(serving "server", { protocols = { "tlsv1.3" } }))
    assert.equal("tls", result[3])
    result = client_of(with(support.client, { curves = "P-384" }),
      with(serving "server", { curves = "X25519" }))
    assert.equal("tls", result[3])
    assert.is_truthy(client_of(with(support.client, { curves = "P-384" }), serving "server")[1])
  end)

  it("alpn agrees on a protocol, or the server says that there is none", function()
    local server = with(serving "server", { alpn = { "h2", "http/1.1" } })
    local result, a = client_of(with(support.client, { alpn = { "http/1.1", "h2" } }), server)
    assert.is_truthy(result[1])
    assert.equal("h2", a:info().alpn)
    result, a = client_of(support.client, server)
    assert.is_truthy(result[1])
    assert.is_nil(a:info().alpn)
    local _, _, x, y = upgrade(with(support.client, { alpn = { "imap" } }), server)
    assert.equal("tls", x[3])
    assert.matches("application protocol", x[2])
    assert.equal("tls", y[3])
    assert.matches("alpn", y[2])
    refuses({ alpn = { "" } }, "alpn")
    refuses({ alpn = { ("x"):rep(256) } }, "alpn")
  end)

  it("session resumes with TLS 1.2, for its own peer and rules only", function()
    local session = assert(urlsock.session())
    local client = with(support.client, { session = session, protocols = "tlsv1.2" })
    refuses({ cert = cert "server.pem", key = cert "server.key", ticket_keys = ("k"):rep(48) },
      "ticket_keys")
    local result, a = client_of(client, serving "server")
    assert.is_truthy(result[1])
    assert.is_false(a:info().resumed)
    result = client_of(with(client, { servername = "mail.test" }), serving "server")
    assert.equal("tls", result[3])
    assert.matches("belongs to 'localhost'", result[2])
    result = client_of(with(client, { insecure_noverifytime = true }), serving "server")
    assert.matches("options of trust", result[2])
    assert.has_error(function() urlsock.tls { session = "file" } end)
  end)

  it("lifetime is honoured or refused, never ignored", function()
    local server = { cert = cert "server.pem", key = cert "server.key", lifetime = 300 }
    local tls, message, code = urlsock.tls(server)
    if tls then
      -- LibreSSL: tickets that are resumed
      local session = assert(urlsock.session())
      local client = with(support.client, { session = session, protocols = "tlsv1.2" })
      server.role = "server"
      client_of(client, server)
      local _, a = client_of(client, server)
      assert.is_true(a:info().resumed)
    else
      assert.equal("unsupported", code)
      assert.matches("^lifetime: .*libretls", message)
    end
    refuses({ lifetime = 300 }, "lifetime")
    assert.has_error(function() urlsock.tls { lifetime = "1" } end)
  end)

  it("client asks for a certificate, and tells why one is refused", function()
    local server = with(serving "server", { client = "require", clientca = cert "ca.pem" })
    local function meet(name, more)
      local client = support.client
      if name then
        client = with(client, { cert = cert(name .. ".pem"), key = cert(name .. ".key") })
      end
      local _, b, _, result = upgrade(client, with(server, more or {}))
      return result, b
    end
    local result, b = meet "client"
    assert.is_truthy(result[1])
    assert.same({ "client@mail.test" }, b:info().peer.emails)
    assert.equal("client", b:info().peer.commonname)
    assert.equal("verify", meet "stranger"[3])
    assert.equal("verify", meet()[3])
    assert.is_truthy(meet(nil, { client = "optional" })[1])
    assert.equal("verify", meet("stranger", { client = "optional" })[3])
    assert.is_truthy(meet("client", { crl = cert "crl.pem" })[1])
    refuses({ client = "require", clientca = cert "ca.pem" }, "client")
    refuses({ cert = cert "server.pem", key = cert "server.key", client = "require" }, "client")
  end)

  it("ca is a directory of hashed certificates, too", function()
    local dir = "build/ca/hashed"
    local hash = support.shell("openssl x509 -noout -hash -in " .. cert "ca.pem")
    support.shell(("mkdir -p %s && cp %s %s/%s.0"):format(dir, cert "ca.pem", dir, hash))
    local client = { ca = dir, servername = "localhost" }
    assert.is_truthy(client_of(client, serving "server")[1])
    assert.equal("verify", client_of(client, serving "selfsigned")[3])
    refuses({ ca = "build" }, "ca", "tls", "hashed")
    refuses({ ca = "/dev/null" }, "ca")
  end)
end)

describe("a connection under tls", function()
  it("is not begun with certificates of ca that cannot be loaded", function()
    local a, b = assert(urlsock.pair())
    local ok, message, code = a:starttls { servername = "localhost",
      ca = "-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n" }
    assert.is_nil(ok)
    assert.equal("tls", code)
    assert.matches("ca", message)
    assert.equal("eof", select(3, b:read(-100)))
    b:close()
  end)

  it("ca and crl are whole, every block of them", function()
    local ca, crl = support.contents "ca.pem", support.contents "crl.pem"
    for text, number in pairs {
      [ca:sub(1, 300)] = 1, [ca .. ca:gsub("\n[%w+/]+", "\n!", 1)] = 2,
      ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] = 1,
    } do
      refuses({ ca = text }, "ca", "tls", ("block %d %%(CERTIFICATE%%)"):format(number))
    end
    refuses({ ca = ca, crl = crl:sub(1, 200) }, "crl", "tls", "block 1 %(X509 CRL%)")
    local function der(label)
      return ("-----BEGIN %s-----\nMAMCAQE=\n-----END %s-----\n"):format(label, label)
    end
    refuses({ ca = ca .. der "CERTIFICATE" }, "ca")
    refuses({ ca = ca, crl = der "X509 CRL" }, "crl")
    local server = { cert = cert "server.pem", key = cert "server.key", client = "require" }
    refuses(with(server, { clientca = der "CERTIFICATE" }), "clientca")
    refuses(with(server, { clientca = ca, crl = der "X509 CRL" }), "crl")
    refuses({ ca = "nosuch", insecure_noverifycert = true }, "ca")
    assert(urlsock.tls { ca = "words before it\n" .. ca:gsub("\n", "\r\n") .. ca, crl = crl })
  end)

  it("ca tells why a file cannot be had", function()
    for path, why in pairs {
      nosuch = "cannot open 'nosuch': no such file or directory$",
      ["/dev/null/x"] = "cannot open '/dev/null/x': not a directory$",
    } do
      refuses({ ca = path }, "ca", "tls", why)
    end
    refuses({ crl = "/" }, "crl", "tls", "cannot read '/': is a directory$")
  end)

  it("ca is no FIFO that nobody writes to, and does not wait for one", function()
    local path = os.tmpname()
    os.remove(path)
    support.shell("mkfifo " .. path)
    refuses({ ca = path }, "ca", "tls", "there is no")
    os.remove(path)
  end)

  it("tells the names in the certificate", function()
    local _, a = client_of(support.client, serving "server")
    local peer = a:info().peer
    assert.same({ "localhost", "mail.test", "127.0.0.1", "::1" }, peer.names)
    assert.equal("localhost", peer.commonname)
    local serial = support.shell("openssl x509 -noout -serial -in " .. cert "server.pem")
    assert.equal(serial:match "=(%x+)":lower(), peer.serial)
  end)

  it("is bound to the server's certificate", function()
    local a, b = upgrade(support.client)
    local bytes = assert(a:binding "tls-server-end-point")
    local hex = bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    assert.equal(a:info().peer.hash, "SHA256:" .. hex)
    local none, _, code = b:binding "tls-server-end-point"
    assert.is_nil(none)
    assert.equal("unsupported", code)
    assert.has_error(function() a:binding "tls-unique" end)
    local plain = assert(urlsock.pair())
    assert.equal("unsupported", select(3, plain:binding "tls-server-end-point"))
  end)
end)
