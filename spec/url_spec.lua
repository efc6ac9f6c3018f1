local json = require "spec.support.json"
local urlsock = require "urlsock"

-- The 16-bit groups of an IPv6 address, whatever its spelling.
local function value(host)
  local u = urlsock.parse(host, 1)
  return u and u.host or host:lower()
end

local function contains(list, code)
  for _, v in ipairs(list) do
    if v == code then return true end
  end
  return false
end

local function cases()
  local list = {}
  for _, name in ipairs { "urls", "urls_more" } do
    for line in io.lines("spec/data/" .. name .. ".jsonl") do list[#list + 1] = json.line(line) end
  end
  return list
end

describe("a transport URL", function()
  for _, case in ipairs(cases()) do
    if case.code then
      it(("is refused: %s %q"):format(case.id, case.url), function()
        local s, message, code = urlsock[case.call](case.url, case.port)
        assert.is_nil(s)
        assert.is_true(contains(case.code, code), tostring(code))
        assert.is_string(message)
      end)
    else
      it(("is parsed: %s %q"):format(case.id, case.url), function()
        local u = assert(urlsock.parse(case.url, case.port))
        assert.equal(case.scheme, u.scheme)
        if case.host then assert.equal(value(case.host), u.host) end
        assert.equal(case.port_is, u.port)
        assert.equal(case.zone, u.zone)
        assert.equal(case.path, u.path)
        if case.canonical then assert.equal(case.canonical, u.url) end
        local again = assert(urlsock.parse(u.url))
        assert.same(u, again)
      end)
    end
  end

  it("has the shortest spelling of an IPv6 address", function()
    for text, spelled in pairs {
      ["2001:DB8:0:0:1:0:0:1"] = "2001:db8::1:0:0:1", ["0:0:0:0:0:0:0:0"] = "::",
      ["::ffff:1.2.3.4"] = "::ffff:102:304", ["1:0:2:3:4:5:6:7"] = "1:0:2:3:4:5:6:7",
      ["1::"] = "1::", ["1:2:3:4:5:6:7::"] = "1:2:3:4:5:6:7:0",
    } do
      assert.equal(spelled, urlsock.parse("tcp://[" .. text .. "]:1").host)
    end
  end)

  it("is no name that a resolver takes for an address", function()
    for _, host in ipairs { "127.1", "0x7f.1", "1.0x7f", "017", "a.1", "a.0x1", "1.2.3.4." } do
      local u, _, code = urlsock.parse(host, 80)
      assert.is_nil(u, host)
      assert.equal("url", code)
    end
  end)

  it("is refused with a byte that is no text", function()
    for byte = 0, 255 do
      local c = string.char(byte)
      if byte < 33 or byte > 126 then
        for _, url in ipairs {
          c .. "localhost:80", "localhost" .. c .. ":80", "localhost:" .. c .. "80",
          "localhost:80" .. c, "tcp://" .. c .. ":80", "tcp://[::1" .. c .. "]:80",
          "tcp://[fe80::1%" .. c .. "]:80", "tcp://1.2.3.4" .. c .. ":80",
        } do
          local u, message, code = urlsock.parse(url)
          assert.is_nil(u, url)
          assert.equal("url", code)
          assert.is_nil(message:find "[^ -~]")
        end
        assert.equal("scheme", select(3, urlsock.parse("tcp" .. c .. "://localhost:80")))
      end
    end
  end)

  it("takes a path apart from a port", function()
    local u, _, code = urlsock.parse("unix:///tmp/x", 80)
    assert.is_nil(u)
    assert.equal("url", code)
    assert.equal("@name", urlsock.parse("unix://@name").path)
  end)

  it("raises for what is no string, and refuses what is no port", function()
    assert.has_error(function() urlsock.parse(12) end)
    assert.has_error(function() urlsock.parse("x", "80") end)
    for _, port in ipairs { -1, 65536, 1.5, 0 / 0 } do
      local u, _, code = urlsock.parse("x", port)
      assert.is_nil(u)
      assert.equal("url", code)
    end
  end)

  it("lists what can be opened", function()
    local list = urlsock.transports()
    local sorted = {}
    for i, v in ipairs(list) do sorted[i] = v end
    table.sort(sorted)
    assert.same(sorted, list)
    assert.is_true(contains(list, "tls"))
    assert.is_false(contains(list, "sslv3"))
  end)
end)
