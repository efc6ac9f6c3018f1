local urlsock = require "urlsock"

describe("a listener", function()
  it("accepts, or times out", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    assert.equal("timeout", select(3, l:accept(0)))
    local c = assert(urlsock.connect(l:localname()))
    local s = assert(l:accept())
    c:close()
    s:close()
    assert.is_true(l:close())
    assert.equal("closed", select(3, l:accept()))
    assert.equal("closed listener", urlsock.type(l))
  end)

  it("iterates over its clients", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local clients = {}
    local url = l:localname()
    for i = 1, 2 do clients[i] = assert(urlsock.connect(url)) end
    local n = 0
    l:settimeout(0)
    local ok, message = pcall(function()
      for s, peer in l:clients() do
        n = n + 1
        assert.equal(clients[n]:localname(), peer)
        s:close()
      end
    end)
    assert.equal(2, n)
    assert.is_false(ok)
    assert.matches("timed out", message)
    clients[3] = assert(urlsock.connect(url))
    l:settimeout(1)
    for s in l:clients() do
      s:close()
      l:close()
    end
    for _, c in ipairs(clients) do c:close() end
    l:close()
  end)

  it("reports a port in use", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local other, _, code = urlsock.listen(l:localname())
    assert.is_nil(other)
    assert.equal("inuse", code)
    l:close()
  end)

  it("removes the file of a unix socket, which has the mode asked for", function()
    local path = os.tmpname()
    os.remove(path)
    local l = assert(urlsock.listen("unix://" .. path, { mode = 384 }))
    local pipe = io.popen("stat -c %a " .. path)
    assert.equal("600", pipe:read "*l")
    pipe:close()
    local c = assert(urlsock.connect("unix://" .. path))
    assert.equal("inuse", select(3, urlsock.listen("unix://" .. path)))
    c:close()
    l:close()
    assert.equal("unreachable", select(3, urlsock.connect("unix://" .. path)))
  end)

  it("is selected like a stream", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local c = assert(urlsock.connect(l:localname()))
    local r, w = urlsock.select({ l, c }, { c }, 1)
    assert.same({ l }, r)
    assert.same({ c }, w)
    assert.has_error(function() urlsock.select({ 1 }) end)
    c:close()
    l:close()
  end)

  it("refuses options that it cannot honour", function()
    local l, _, code = urlsock.listen("unix://@urlsock-spec", { reuseport = true })
    assert.is_nil(l)
    assert.equal("unsupported", code)
    assert.equal("unsupported", select(3, urlsock.listen("tcp://127.0.0.1:0", { mode = 384 })))
  end)
end)
