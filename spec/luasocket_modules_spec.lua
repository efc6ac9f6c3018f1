-- What LuaSocket brings itself, on our sockets.
local facade = require "urlsock.luasocket"
local hosts = require "spec.support.hosts"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local unpack = table.unpack or unpack

local modules = { "socket", "socket.core", "socket.unix", "socket.http", "socket.smtp",
  "socket.ftp", "socket.tp", "socket.url", "socket.headers", "ltn12", "mime", "copas",
  "urlsock.host.copas" }

-- Who runs functions: coroutines that take turns, and the hosts that know LuaSocket's users.
local runners = {
  { "coroutines", function() return support.together end },
}
for i, name in ipairs { "cqueues", "copas", "luv" } do
  runners[i + 1] = { name, function()
    local found, module = pcall(require, name)
    if not found then return nil, name .. " is not installed for this Lua" end
    return function(...)
      local results, tasks = {}, {}
      for k, f in ipairs { ... } do
        tasks[k] = function() results[k] = { f() } end
      end
      urlsock.use(nil)
      hosts[name](module, unpack(tasks))
      urlsock.use "plain"
      return unpack(results)
    end
  end }
end

describe("LuaSocket's own modules on our sockets", function()
  local saved, ok = {}, true
  local http, smtp, ftp, ltn12
  local protect, newtry, try = facade.protect, facade.newtry, facade.try

  --- Loads them anew; copas, where it comes first, puts functions of its own in place of three.
  local function load_modules(with_copas)
    for _, name in ipairs(modules) do package.loaded[name] = nil end
    facade.protect, facade.newtry, facade.try = protect, newtry, try
    facade.install()
    if with_copas then pcall(require, "copas") end
    ok, http = pcall(require, "socket.http")
    if ok then
      smtp, ftp, ltn12 = require "socket.smtp", require "socket.ftp", require "ltn12"
    end
  end

  setup(function()
    for _, name in ipairs(modules) do saved[name] = package.loaded[name] end
    load_modules(false)
  end)

  teardown(function()
    for _, name in ipairs(modules) do package.loaded[name] = saved[name] end
    facade.protect, facade.newtry, facade.try = protect, newtry, try
  end)

  --- A test under each of the runners.
  local function each(name, test)
    for _, runner in ipairs(runners) do
      it(name .. ", under " .. runner[1], function()
        load_modules(runner[1] == "copas")
        if not ok then return pending "LuaSocket is not installed" end
        local together, why = runner[2]()
        if not together then return pending(why) end
        test(together)
      end)
    end
  end

  local function listen()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 10 }))
    return l, urlsock.parse(l:localname()).port
  end

  --- Serves one client.
  local function serve(l, talk)
    return function()
      local s = assert(l:accept())
      talk(s)
      s:close(1)
    end
  end

  local function http_talk(s)
    local first = assert(s:read())
    repeat local line = assert(s:read()) until line == ""
    local body = "you asked for " .. first:match "^GET (%S+)"
    s:write("HTTP/1.1 200 OK\r\nContent-Length: ", #body, "\r\nX-Test: yes\r\n\r\n", body)
  end

  each("http, two at once", function(together)
    local l, port = listen()
    local other, other_port = listen()
    local function get(path, to)
      return function()
        local parts = {}
        local _, code, headers = http.request { url = "http://127.0.0.1:" .. to .. path,
          create = facade.tcp, sink = ltn12.sink.table(parts) }
        return { table.concat(parts), code, headers and headers["x-test"] }
      end
    end
    local a, b = together(get("/one", port), get("/two", other_port),
      serve(l, http_talk), serve(other, http_talk))
    assert.same({ "you asked for /one", 200, "yes" }, a[1])
    assert.same({ "you asked for /two", 200, "yes" }, b[1])
    l:close()
    other:close()
  end)

  it("http through create=, chunked, into a sink", function()
    if not ok then return pending "LuaSocket is not installed" end
    local l, port = listen()
    local parts = {}
    local r = support.together(function()
      local one, code = http.request { url = "http://127.0.0.1:" .. port .. "/",
        create = facade.tcp, sink = ltn12.sink.table(parts) }
      return { one, code }
    end, serve(l, function(s)
      repeat local line = assert(s:read()) until line == ""
      s:write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    end))
    assert.same({ 1, 200 }, r[1])
    assert.equal("abcde", table.concat(parts))
    l:close()
  end)

  it("http tells of a refusal by its word", function()
    if not ok then return pending "LuaSocket is not installed" end
    local body, word = http.request("http://127.0.0.1:" .. support.free_port() .. "/")
    assert.is_nil(body)
    assert.equal("connection refused", word)
  end)

  local function smtp_talk(messages)
    return function(s)
      s:write "220 test\r\n"
      local line = s:read() -- no iterator: Lua 5.1 cannot yield in one
      while line do
        local verb = line:match "^%a+"
        if verb == "DATA" then
          s:write "354 go on\r\n"
          local message = assert(s:readuntil "\r\n.\r\n")
          messages[#messages + 1] = message
          s:write "250 taken\r\n"
        elseif verb == "QUIT" then
          s:write "221 bye\r\n"
          return
        else
          s:write "250 test\r\n"
        end
        line = s:read()
      end
    end
  end

  each("smtp, two at once", function(together)
    local l, port = listen()
    local other, other_port = listen()
    local messages = {}
    local function send(text, to)
      return function()
        local sent, word = smtp.send { from = "<a@example.org>", rcpt = "<b@example.org>",
          server = "127.0.0.1", port = to, create = facade.tcp,
          source = smtp.message { headers = { subject = text }, body = "body of " .. text } }
        return { sent, word }
      end
    end
    local a, b = together(send("one", port), send("two", other_port),
      serve(l, smtp_talk(messages)), serve(other, smtp_talk(messages)))
    assert.same({ 1 }, a[1])
    assert.same({ 1 }, b[1])
    table.sort(messages, function(x, y) return x:match "body of.*" < y:match "body of.*" end)
    assert.matches("Subject: one\r\n.*body of one$", messages[1])
    assert.matches("Subject: two\r\n.*body of two$", messages[2])
    l:close()
    other:close()
  end)

  local function ftp_talk(s)
    local data
    s:write "220 test\r\n"
    local line = s:read()
    while line do
      local verb, rest = line:upper():match "^(%a+)", line:match "^%a+ (.*)"
      if verb == "USER" then
        s:write "331 password\r\n"
      elseif verb == "PASS" then
        s:write "230 in\r\n"
      elseif verb == "EPSV" then
        local port
        data, port = listen()
        s:write("229 passive (|||", port, "|)\r\n")
      elseif verb == "PASV" then
        local port
        data, port = listen()
        s:write(("227 passive (127,0,0,1,%d,%d)\r\n"):format(math.floor(port / 256), port % 256))
      elseif verb == "RETR" then
        s:write "150 here it comes\r\n"
        local d = assert(data:accept())
        d:write("contents of ", rest)
        d:close(1)
        data:close()
        s:write "226 done\r\n"
      elseif verb == "QUIT" then
        s:write "221 bye\r\n"
        return
      else
        s:write "200 all right\r\n"
      end
      line = s:read()
    end
  end

  each("ftp, two at once", function(together)
    local l, port = listen()
    local other, other_port = listen()
    local function get(name, to)
      return function()
        local parts = {}
        local got, word = ftp.get { host = "127.0.0.1", port = to, path = name, type = "i",
          create = facade.tcp, sink = ltn12.sink.table(parts) }
        return { got and table.concat(parts), word }
      end
    end
    local a, b = together(get("one", port), get("two", other_port),
      serve(l, ftp_talk), serve(other, ftp_talk))
    assert.same({ "contents of one" }, a[1])
    assert.same({ "contents of two" }, b[1])
    l:close()
    other:close()
  end)
end)
