local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert, shell = support.cert, support.shell
local server_options = { cert = cert "server.pem", key = cert "server.key" }
local server_words = ("--cert %s --key %s"):format(cert "server.pem", cert "server.key")
local ca = "--ca " .. cert "ca.pem"
local program = (os.getenv "LUA" or "lua") .. " bin/urlsock "

local files, servers = {}, {}

--- The name of a new file with that in it.
local function file(contents)
  local name = os.tmpname()
  files[#files + 1] = name
  local f = assert(io.open(name, "wb"))
  f:write(contents or "")
  f:close()
  return name
end

local function contents(name)
  local f = assert(io.open(name, "rb"))
  local data = f:read "*a"
  f:close()
  return data
end

--- Waits until a file has something in it that matches.
local function await(name, pattern)
  local deadline = urlsock.now() + 10
  while urlsock.now() < deadline do
    local found = contents(name):match(pattern)
    if found then return found end
    urlsock.select({}, {}, 0.01)
  end
  error(("no '%s' in: %s"):format(pattern, contents(name)))
end

--- Starts the program; returns a function that waits for its end and tells its exit status, and
-- what it wrote to standard output and to standard error; and the file of its output.
local function start(words, input, before)
  local out, err = file(), file()
  local pipe = assert(io.popen(("%s timeout 30 %s %s <%s >%s 2>%s; echo $?"):format(before or "",
    program, words, input or "/dev/null", out, err)))
  return function()
    local status = tonumber((pipe:read "*a"))
    pipe:close()
    return status, contents(out), contents(err)
  end, out
end

local function run(words, input)
  return start(words, input)()
end

--- Starts the program as a server; its URL, and a function that ends it by a signal, or waits for
-- its end, and tells what it printed on both outputs and its exit status.
local function serving(words, input)
  local out, err, pid, status = file(), file(), file(), file()
  os.execute(("{ %s -l -v %s <%s >%s 2>%s & echo $! >%s; wait $!; echo $? >%s; } >/dev/null 2>&1 &")
    :format(program, words, input or "/dev/null", out, err, pid, status))
  local id = await(pid, "(%d+)\n")
  servers[id] = true
  local url = await(err, "listening: (%S+)\n")
  return url, function(signal)
    if signal then os.execute(("kill -%s %s"):format(signal, id)) end
    local number = tonumber(await(status, "(%d+)\n"))
    servers[id] = nil
    return contents(out), contents(err), number
  end
end

--- A value of a JSON text, by somebody else's parser.
local function json_value(text, path)
  return shell(("python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))%s)' %s")
    :format(path, file(text)))
end

local function socket_path()
  local name = os.tmpname()
  os.remove(name)
  return name
end

local megabyte = shell "head -c 786432 /dev/urandom | base64 -w 0"
megabyte = megabyte:sub(1, 1048570) .. "\0\r\n\255\26\4"

-- what a failed test has left behind
teardown(function()
  for id in pairs(servers) do os.execute(("kill -KILL %s 2>/dev/null"):format(id)) end
  for _, name in ipairs(files) do os.remove(name) end
end)

describe("urlsock", function()
  it("explains itself", function()
    local status, out = run "--help"
    assert.equal(0, status)
    assert.matches("^usage: urlsock", out)
    status, out = run "-V"
    assert.equal(0, status)
    assert.equal(urlsock._VERSION .. "\n", out)
  end)

  it("says what is wrong with its words, with status 2", function()
    for words, message in pairs {
      [""] = "URL is missing", ["--nonsense tcp://a:1"] = "unknown option '%-%-nonsense'",
      ["-x tcp://a:1"] = "unknown option '%-x'", ["tcp://a:1 --ca"] = "needs a value",
      ["--ca '' tls://a:1"] = "%-%-ca needs a value", ["--starttls= a:1"] = "needs a value",
      ["--timeout soon tcp://a:1"] = "no number", ["--timeout 0x1 tcp://a:1"] = "no number",
      ["--timeout . tcp://a:1"] = "no number", ["--timeout .5 a b"] = "'b' is no port",
      [("--timeout %s a:1"):format(("9"):rep(400))] = "too large",
      ["--info=yes tcp://a:1"] = "takes no value", ["a 1 b"] = "too many", ["a b"] = "no port",
      ["--ca a --ca b tcp://a:1"] = "twice", ["--json a:1"] = "goes with", ["-k a:1"] = "goes with",
      ["--days 3 a:1"] = "for check", ["-l --bind ::1 a:1"] = "does not go with",
      ["-l --via socks5://a a:1"] = "does not go with", ["--alpn , a:1"] = "list",
    } do
      local status, out, err = run(words)
      assert.equal(2, status, words)
      assert.equal("", out)
      assert.matches("^urlsock: [^\n]*" .. message .. "[^\n]*\ntry 'urlsock %-%-help'\n$", err)
    end
  end)

  it("says why it failed, with status 1", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local url = l:localname()
    l:close()
    local status, out, err = run(url)
    assert.equal(1, status)
    assert.equal("", out)
    assert.equal(("urlsock: %s: connect: connection refused (refused)\n"):format(url), err)
    assert.equal(1, (run "sslv3://a:1"))
    assert.equal(1, (run "--via socks4://a a:1"))
  end)

  for _, case in ipairs {
    { "tcp://127.0.0.1:0", "" }, { "tls://127.0.0.1:0", ca, server_options },
    { "tlsv1.2://127.0.0.1:0", ca, server_options }, { "unix", "" },
  } do
    it("carries a megabyte there and back at once: " .. case[1], function()
      local url = case[1] == "unix" and "unix://" .. socket_path() or case[1]
      local l = assert(urlsock.listen(url, { tls = case[3] }))
      local finish = start(case[2] .. " " .. l:localname(), file(megabyte))
      local s = assert(l:accept(10))
      local n = 0
      while true do
        local data, _, code = s:read(-16384)
        if not data then
          assert.equal("eof", code)
          break
        end
        n = n + #data
        assert(s:write(data))
      end
      s:close()
      local status, out, err = finish()
      assert.equal("", err)
      assert.equal(0, status)
      assert.equal(#megabyte, n)
      assert.is_true(out == megabyte)
      l:close()
    end)
  end

  it("ends its direction at the end of its input, and reads on", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local port = urlsock.parse(l:localname()).port
    local finish = start("127.0.0.1 " .. port, file "question")
    local s = assert(l:accept(10))
    assert.equal("question", s:read "a")
    s:write "answer"
    s:close()
    local status, out = finish()
    assert.equal(0, status)
    assert.equal("answer", out)
    l:close()
  end)

  it("does not, with --no-shutdown", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local finish = start("--no-shutdown " .. l:localname(), file "question")
    local s = assert(l:accept(10))
    assert.equal("question", s:read(8))
    s:settimeout(0.2)
    assert.equal("timeout", select(3, s:read(1)))
    s:close()
    assert.equal(0, (finish()))
    l:close()
  end)

  it("goes on to send when the peer has ended only its own direction", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local finish = start(l:localname(), file(megabyte))
    local s = assert(l:accept(10))
    s:shutdown()
    assert.is_true(s:read "a" == megabyte)
    s:close()
    assert.equal(0, (finish()))
    l:close()
  end)

  it("ends with status 1 where the peer breaks off", function()
    local url, kill = serving("--no-shutdown " .. server_words .. " tls://127.0.0.1:0",
      file "half")
    local finish, output = start(ca .. " --no-shutdown " .. url)
    await(output, "half")
    kill "KILL"
    local status, out, err = finish()
    assert.equal(1, status)
    assert.equal("half", out)
    assert.matches("%(truncated%)\n$", err)
  end)

  it("does not trust a stranger, and says so", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = server_options }))
    local finish = start("--ca " .. cert "other-ca.pem" .. " " .. l:localname(), file "secret")
    local s = assert(l:accept(10))
    assert.is_nil((s:read()))
    s:close()
    local status, out, err = finish()
    assert.equal(1, status)
    assert.equal("", out)
    assert.matches("%(verify%)\n$", err)
    finish = start("--insecure-noverifycert " .. l:localname(), file "trust\n")
    s = assert(l:accept(10))
    assert.equal("trust", s:read())
    s:close()
    assert.equal(0, (finish()))
    l:close()
  end)

  it("gives up after silence with --timeout", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local finish = start("--timeout 0.3 " .. l:localname())
    local s = assert(l:accept(10))
    local status, _, err = finish()
    assert.equal(1, status)
    assert.matches("0.3 seconds of silence %(timeout%)", err)
    s:close()
    l:close()
  end)

  it("does not take a socket for standard input that is closed", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local out, err = file(), file()
    local pipe = io.popen(("timeout 20 %s %s <&- >%s 2>%s; echo $?"):format(program, l:localname(),
      out, err))
    local s = assert(l:accept(10))
    assert.equal("eof", select(3, s:read(1)))
    s:write "hello"
    s:close()
    assert.equal(0, tonumber((pipe:read "*a")))
    assert.equal("hello", contents(out))
    pipe:close()
    l:close()
  end)

  it("goes through a proxy", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local finish = start("--via http://u:p@" .. l:localname():sub(7) .. " tcp://example.org:80",
      file "hello\n")
    local s = assert(l:accept(10))
    assert.matches("^CONNECT example.org:80 .*Basic dTpw$", s:readuntil "\r\n\r\n")
    s:write "HTTP/1.1 200 OK\r\n\r\nfirst\n"
    assert.equal("hello", s:read())
    s:close()
    local status, out = finish()
    assert.equal(0, status)
    assert.equal("first\n", out)
    l:close()
  end)
end)

describe("the manual of urlsock", function()
  it("has every option, and so has the completion", function()
    local usage = require("urlsock.cli.arguments").usage
    local manual = contents("doc/urlsock.1"):gsub("%.It ", "")
    local completion = contents "doc/urlsock.bash"
    local n = 0
    for name in usage:gmatch "%-%-([%l-]+)" do
      n = n + 1
      assert.matches("Fl %-" .. name:gsub("%-", "%%-") .. "%f[^%w-]", manual)
      assert.matches("%-%-" .. name:gsub("%-", "%%-") .. "%f[^%w-]", completion)
      assert.is_nil(select(3, run("--" .. name)):find("unknown", 1, true))
    end
    assert.is_true(n > 25)
    for protocol in completion:match('protocols="(.-)"'):gmatch "%S+" do
      assert.matches("[%s]" .. protocol:gsub("%-", "%%-") .. "[%s,.]", manual)
    end
  end)

  it("is well written", function()
    if not support.has "mandoc" then return pending "mandoc is not installed" end
    assert.equal("", shell "mandoc -T lint -W warning doc/urlsock.1 2>&1")
  end)

  it("is completed by bash", function()
    if not support.has "bash" then return pending "bash is not installed" end
    local function complete(...)
      local words = table.concat({ ... }, "' '")
      return shell(("bash -c 'compopt() { :; }; . doc/urlsock.bash; COMP_WORDS=(\"$@\"); "
        .. "COMP_CWORD=$(($# - 1)); _urlsock urlsock \"${COMP_WORDS[-1]}\" \"${COMP_WORDS[-2]}\"; "
        .. "echo ${COMPREPLY[@]}' bash '%s'"):format(words))
    end
    assert.equal("--insecure-noverifycert --insecure-noverifyname --insecure-noverifytime",
      complete("urlsock", "--insec"))
    assert.equal("check", complete("urlsock", "che"))
    assert.equal("tls:// tlsv1.2:// tlsv1.3://", complete("urlsock", "check", "tls"))
    assert.equal("pop3 postgres", complete("urlsock", "--starttls", "po"))
    assert.equal("pop3 postgres", complete("urlsock", "--starttls", "=", "po"))
    assert.equal("build/ca/server.pem", complete("urlsock", "--cert", cert "server.p"))
  end)

  it("is completed by bash as files and words are", function()
    if not support.has "bash" then return pending "bash is not installed" end
    assert.equal("-o filenames spec/support smtp", shell(("bash -c '. doc/urlsock.bash; %s' 2>&1")
      :format("compopt() { echo -n \"$* \"; }; COMP_CWORD=2 COMP_WORDS=(urlsock --ca spec/su); "
        .. "_urlsock urlsock spec/su --ca; echo -n \"${COMPREPLY[@]} \"; unset -f compopt; "
        .. "COMP_WORDS=(urlsock --starttls sm); _urlsock; echo ${COMPREPLY[@]}")))
  end)

  it("is installed with all that it needs", function()
    local root = socket_path()
    local version = _VERSION:match "%d.%d"
    local made = shell(("env -u MAKEFLAGS -u MAKELEVEL make -s install DESTDIR=%s PREFIX=/p "
      .. "LUA_VERSION=%s LUA=%s 2>&1"):format(root, version, os.getenv "LUA" or "lua" .. version))
    assert.equal("", made)
    assert.equal(urlsock._VERSION, shell(("env LUA_PATH='%s/p/share/lua/%s/?.lua' "
      .. "LUA_CPATH='%s/p/lib/lua/%s/?.so' %s/p/bin/urlsock -V 2>&1"):format(root, version, root,
        version, root)))
    assert.is_truthy(contents(root .. "/p/share/man/man1/urlsock.1"))
    os.execute("rm -r " .. root)
  end)
end)

describe("urlsock -l", function()
  it("serves one client, both directions at once", function()
    local url, finish = serving("tcp://127.0.0.1:0", file(megabyte))
    local c = assert(urlsock.connect(url))
    assert.is_true(assert(c:read "a") == megabyte)
    c:write(megabyte)
    c:close(5)
    assert.is_true(finish() == megabyte)
    assert.equal("refused", select(3, urlsock.connect(url)))
  end)

  it("talks to itself, with TLS", function()
    local url, finish = serving(server_words .. " tls://127.0.0.1:0", file(megabyte))
    local status, out, err = run(ca .. " --servername localhost -v " .. url, file(megabyte))
    assert.matches("connected: tls://127.0.0.1:%d+: TLSv1.3, ", err)
    assert.equal(0, status)
    assert.is_true(out == megabyte)
    assert.is_true(finish() == megabyte)
  end)

  it("serves one after another with -k, a bad one among them", function()
    local url, finish = serving("-k " .. server_words .. " tls://127.0.0.1:0")
    url = url:gsub("127.0.0.1", "localhost")
    for i = 1, 3 do
      local c = assert(urlsock.connect(url, { tls = { ca = cert "ca.pem" } }))
      c:write("client ", i, "\n")
      c:close(5)
      c = assert(urlsock.connect("tcp" .. url:sub(4)))
      c:write "GET / HTTP/1.0\r\n\r\n"
      c:read "a"
      c:close()
    end
    local out, err = finish "TERM"
    assert.equal("client 1\nclient 2\nclient 3\n", out)
    assert.matches("an http request.*%(plaintext%)", err)
  end)

  it("removes its socket when it is interrupted", function()
    local path = socket_path()
    local _, finish = serving("-k unix://" .. path)
    local _, err, status = finish "INT"
    assert.equal(130, status)
    assert.equal("urlsock: listening: unix://" .. path .. "\n", err)
    assert.equal("unreachable", select(3, urlsock.connect("unix://" .. path)))
  end)

  it("wants the PROXY protocol's header with --proxy-protocol", function()
    local url, finish = serving "--proxy-protocol --info tcp://127.0.0.1:0"
    local c = assert(urlsock.connect(url))
    c:write "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
    assert.matches("proxied +tcp://192.0.2.1:1\n", finish())
    c:close()
  end)
end)

describe("urlsock with datagrams", function()
  it("sends a line as one, and prints what comes", function()
    local d = assert(urlsock.listen "udp://127.0.0.1:0")
    local finish = start("--timeout 1 " .. d:localname(), file "hello")
    local data, from = d:receivefrom()
    assert.equal("hello", data)
    d:sendto("one", from)
    d:sendto("", from)
    d:sendto("two", from)
    local status, out, err = finish()
    assert.equal("", err)
    assert.equal(0, status)
    assert.equal("onetwo", out)
    d:close()
  end)

  it("answers with -l the first who speaks", function()
    local url, finish = serving("--timeout 1 udp://127.0.0.1:0", file "answer")
    local a, b = assert(urlsock.connect(url)), assert(urlsock.connect(url))
    a:send "from a;"
    assert.equal("answer", a:receive())
    b:send "from b;"
    a:send "from a"
    assert.equal("from a;from a", finish())
    b:settimeout(0)
    assert.is_nil((b:receive()))
    a:close()
    b:close()
  end)

  it("goes on listening after the end of its input", function()
    local url, finish = serving("udp://127.0.0.1:0", file "answer")
    local d = assert(urlsock.connect(url))
    d:send "one"
    assert.equal("answer", d:receive())
    d:close()
    urlsock.select({}, {}, 0.1)
    local out, err, status = finish "INT"
    assert.equal("one", out)
    assert.not_matches("finite", err)
    assert.equal(130, status)
  end)

  it("does so with unix sockets too", function()
    local here, there = socket_path(), socket_path()
    local d = assert(urlsock.listen("udg://" .. there))
    local finish = start(("--timeout 1 --bind udg://%s udg://%s"):format(here, there), file "hello")
    local data, from = d:receivefrom()
    assert.equal("hello", data)
    assert.equal("udg://" .. here, from)
    d:sendto("answer", from)
    local status, out = finish()
    assert.equal(0, status)
    assert.equal("answer", out)
    d:close()
  end)
end)

describe("urlsock --info", function()
  it("prints the facts", function()
    local url, finish = serving("-k --info --alpn imap,pop3 " .. server_words
      .. " tls://127.0.0.1:0")
    url = url:gsub("127.0.0.1", "localhost")
    local status, out, err = run("--info --alpn pop3 " .. ca .. " " .. url)
    assert.equal("", err)
    assert.equal(0, status)
    for name, text in pairs {
      url = url, peer = "tls://127.0.0.1:%d+", tls = "TLSv1.3, %S+, %d+ bits", alpn = "pop3",
      servername = "localhost", subject = "/CN=localhost", issuer = "/CN=Test Root CA",
      names = "localhost, mail.test, 127.0.0.1, ::1", hash = "SHA256:%x+", verified = "yes",
      valid = "%d+%-.* UTC to .* UTC %(%d+ days left%)",
    } do
      assert.matches("\n" .. name .. " +" .. text:gsub("%-", "%%-"):gsub("%%%%", "%%") .. "\n",
        "\n" .. out)
    end
    status, out = run("--info --insecure-noverifyname --servername x.test " .. ca .. " " .. url)
    assert.equal(0, status)
    assert.matches("\nverified +not name\n", out)
    finish "TERM"
  end)

  it("leaves no file of a datagram socket behind", function()
    local path = socket_path()
    assert.equal(0, (run("-l --info udg://" .. path)))
    assert.equal("", shell(("ls %s 2>/dev/null || :"):format(path)))
  end)

  it("prints them as JSON", function()
    local url, finish = serving("-k --info " .. server_words .. " tls://127.0.0.1:0")
    local status, out = run("--info --json " .. ca .. " " .. url)
    assert.equal(0, status)
    assert.equal(url, json_value(out, '["url"]'))
    assert.equal("TLSv1.3", json_value(out, '["version"]'))
    assert.equal("mail.test", json_value(out, '["peer"]["names"][1]'))
    assert.equal("yes", json_value(out, '["verified"]'))
    finish "TERM"
  end)

  it("prints nothing of a peer that a terminal would act on", function()
    local clean = require("urlsock.cli.facts").clean
    assert.equal("a?[31m?b\195\169?", clean "a\27[31m\194\155b\195\169\n")
    local json = require("urlsock.cli.json").encode
    assert.equal('{"a":["\\u001b\\"\\\\","\195\169\\u00ff"],"b":[],"c":12}',
      json { a = { "\27\"\\", "\195\169\255" }, b = {}, c = 12 })
  end)
end)

describe("urlsock check", function()
  local function check(name, words)
    local url, finish = serving(("-k --cert %s --key %s tls://127.0.0.1:0"):format(
      cert(name .. ".pem"), cert(name .. ".key")))
    local status, out, err = run(("check %s %s %s"):format(ca, words or "",
      (url:gsub("127.0.0.1", "localhost"))))
    finish "TERM"
    assert.equal("", err)
    local states = {}
    for state, aspect in out:gmatch "\n(%l+) +(%l+)" do states[aspect] = state end
    return status, states, out
  end

  it("finds a good server in order", function()
    local status, states, out = check "server"
    assert.equal(0, status)
    assert.same({ chain = "ok", name = "ok", dates = "ok", version = "ok" }, states)
    assert.matches("^OK tls://localhost:%d+: TLSv1.3, %d+ days left | days=%d+;14;0\n", out)
    assert.equal(0, (check "chain"))
  end)

  it("tells what is wrong, and what is not", function()
    for name, bad in pairs {
      expired = "dates", notyet = "dates", wronghost = "name", selfsigned = "chain",
      ["chain-leaf"] = "chain", badeku = "chain", stranger = "chain",
    } do
      local status, states, out = check(name)
      assert.equal(2, status, name)
      local expected = { chain = "ok", name = "ok", dates = "ok", version = "ok" }
      expected[bad] = "bad"
      if name == "stranger" then expected.name = "bad" end
      assert.same(expected, states, name .. out)
      assert.matches("^CRITICAL tls://localhost:%d+: " .. bad .. ": ", out)
    end
  end)

  it("warns of the end in time, and of what was not verified", function()
    assert.matches(" | days=%d+;14.5;0\n", (select(3, check("server", "--days 14.5"))))
    local status, states = check("server", "--days 4000")
    assert.equal(1, status)
    assert.equal("warn", states.dates)
    status, states = check("wronghost", "--insecure-noverifyname")
    assert.equal(1, status)
    assert.same({ chain = "ok", name = "warn", dates = "ok", version = "ok" }, states)
  end)

  it("does not take a warning for what keeps clients away", function()
    for _, words in ipairs { "", "--days 4000", "--insecure-noverifyname" } do
      local status, states, out = check("staleca", words)
      assert.equal(2, status, out)
      assert.equal("bad", states.verify)
      assert.matches("^CRITICAL [^\n]*has expired", out)
    end
  end)

  it("tells of a certificate that it could look at only once", function()
    local url, finish = serving(("--cert %s --key %s tls://127.0.0.1:0"):format(
      cert "selfsigned.pem", cert "selfsigned.key"))
    local status, out = run(("check %s %s"):format(ca, (url:gsub("127.0.0.1", "localhost"))))
    assert.equal(2, status)
    assert.matches("^CRITICAL [^\n]*: verify: [^\n]*self.signed", out)
    assert.matches("\nbad +connection ", out)
    finish()
  end)

  it("blames no aspect for a connection that failed", function()
    local l = assert(urlsock.listen("tls://127.0.0.1:0",
      { tls = { cert = cert "selfsigned.pem", key = cert "selfsigned.key" } }))
    local finish = start(("check %s %s"):format(ca, l:localname():gsub("127.0.0.1", "localhost")))
    for _ = 1, 2 do
      local s = assert(l:accept(10))
      s:handshake()
      s:close()
    end
    l:close()
    local status, out = finish()
    assert.equal(2, status)
    assert.matches("\nunknown +chain ", out)
    assert.matches("\nunknown +name ", out)
    assert.matches("\nbad +verify ", out)
  end)

  it("looks at the pin", function()
    local hash = shell(("openssl x509 -in %s -noout -fingerprint -sha256"):format(
      cert "server.pem")):match "=(%S+)"
    local status, states = check("server", "--pin SHA256:" .. hash)
    assert.equal(0, status)
    assert.equal("ok", states.pin)
    status, states = check("server", "--pin SHA256:" .. ("00"):rep(32))
    assert.equal(2, status)
    assert.equal("bad", states.pin)
    assert.equal("ok", states.chain)
  end)

  it("is critical where nobody or no TLS is there, unknown where that cannot be told", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local url = "tls" .. l:localname():sub(4)
    local finish = start("check " .. url)
    local s = assert(l:accept(10))
    s:write "220 hello\r\n"
    local status, out = finish()
    assert.equal(2, status)
    assert.matches("tls: .*220 hello", out)
    s:close()
    finish = start("check " .. l:localname())
    assert(l:accept(10)):close()
    assert.equal(2, (finish()))
    finish = start("check --timeout 0.2 " .. url)
    assert.equal(2, (finish()))
    l:close()
    assert.equal(2, (run("check " .. url)))
    for _, words in ipairs {
      "tls://no-such-host.invalid:1", "tls://a", "nonsense://a:1", "", "--nonsense", "-l a:1",
      "--ca /nonexistent a:1", "--ca /nonexistent tls://127.0.0.1:1", "--pin x tls://127.0.0.1:1",
      "--protocols tlsv1.3 tlsv1.2://127.0.0.1:1",
    } do
      assert.equal(3, (run("check " .. words)), words)
    end
    for _, words in ipairs { "--ca a --nonsense check", "--days x check a:1", "-z check a:1" } do
      assert.equal(3, (run(words)), words)
    end
  end)

  it("tells it as JSON", function()
    local status, _, out = check("expired", "--json")
    assert.equal(2, status)
    assert.equal("CRITICAL", json_value(out, '["status"]'))
    assert.is_true(tonumber(json_value(out, '["days"]')) < 0)
    assert.equal("localhost", json_value(out, '["info"]["servername"]'))
    assert.equal("dates", json_value(out, '["checks"][2]["name"]'))
    assert.equal("bad", json_value(out, '["checks"][2]["state"]'))
  end)
end)

describe("urlsock --starttls", function()
  local there = pcall(require, "urlsock.starttls")

  it("says so where the dialogues are not installed", function()
    if there then return pending "they are" end
    local status, _, err = run "--starttls smtp tcp://127.0.0.1:1"
    assert.equal(1, status)
    assert.matches("urlsock.starttls is not installed %(unsupported%)", err)
    assert.equal(3, (run "check --starttls smtp tcp://127.0.0.1:1"))
  end)

  it("begins in the clear, on both sides", function()
    if not there then return pending "urlsock.starttls is not there" end
    local url, finish = serving("-k --starttls imap " .. server_words .. " tcp://127.0.0.1:0")
    url = url:gsub("127.0.0.1", "localhost")
    local status, out, err = run("--starttls imap " .. ca .. " " .. url, file "hello\n")
    assert.equal("", err)
    assert.equal(0, status)
    assert.equal("", out)
    status, out = run("check --starttls imap " .. ca .. " " .. url)
    assert.equal(0, status)
    assert.matches("\nok +starttls", out)
    status, out = run("check --starttls smtp " .. ca .. " " .. url)
    assert.equal(2, status)
    assert.matches("\nbad +starttls", out)
    assert.matches("hello", (finish "TERM"))
    assert.equal(1, (run "--starttls nonsense tcp://127.0.0.1:1"))
  end)

  it("does not listen for what it cannot serve", function()
    if not there then return pending "urlsock.starttls is not there" end
    for words, code in pairs {
      ["tcp://127.0.0.1:0"] = "tls", ["--cert /nonexistent --key /nonexistent 127.0.0.1:0"] = "tls",
      [server_words .. " udp://127.0.0.1:0"] = "url",
      [server_words .. " tls://127.0.0.1:0"] = "url",
    } do
      local status, _, err = run("-l --timeout 1 --starttls imap " .. words)
      assert.equal(1, status)
      assert.matches("%(" .. code .. "%)\n$", err)
    end
  end)
end)

describe("urlsock and others", function()
  local function needs(name)
    if not support.has(name) then pending(name .. " is not installed") end
    return support.has(name)
  end

  it("talks to nc, either way", function()
    if not needs "nc" then return end
    local url, finish = serving("tcp://127.0.0.1:0", file "from urlsock")
    local out = shell(("printf 'from nc' | timeout 20 nc -N 127.0.0.1 %d"):format(
      urlsock.parse(url).port))
    assert.equal("from urlsock", out)
    assert.equal("from nc", (finish()))
    local port, received = support.free_port(), file()
    local stop = support.spawn(("printf 'from nc' | exec nc -N -l 127.0.0.1 %d >%s"):format(port,
      received))
    local status
    local deadline = urlsock.now() + 10
    repeat
      status, out = run("127.0.0.1 " .. port, file "from urlsock")
    until status == 0 or urlsock.now() > deadline
    assert.equal("from nc", out)
    stop()
  end)

  it("talks to socat under TLS, either way", function()
    if not needs "socat" then return end
    local url, finish = serving(server_words .. " tls://127.0.0.1:0", file(megabyte))
    local input, output = file(megabyte), file()
    os.execute(("timeout 20 socat -t 5 - openssl:localhost:%d,cafile=%s <%s >%s 2>/dev/null")
      :format(urlsock.parse(url).port, cert "ca.pem", input, output))
    assert.is_true(finish() == megabyte)
    assert.is_true(contents(output) == megabyte)
  end)

  it("talks to openssl s_server", function()
    local port = support.free_port()
    local stop = support.spawn(("exec openssl s_server -accept %d -cert %s -key %s -rev"):format(
      port, cert "server.pem", cert "server.key"))
    assert(support.connect("tcp://127.0.0.1:" .. port)):close()
    local status, out = run(ca .. " tls://localhost:" .. port, file "abc\n")
    stop()
    assert.equal(0, status)
    assert.matches("cba", out)
  end)
end)
