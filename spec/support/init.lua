-- What the specs share: certificates, and two sides that take turns.
local urlsock = require "urlsock"

local support = { dir = "build/ca/" }

function support.cert(name) return support.dir .. name end

support.client = { ca = support.cert "ca.pem", servername = "localhost" }
support.server =
  { cert = support.cert "server.pem", key = support.cert "server.key", role = "server" }

--- Options with some of them changed.
function support.with(base, more)
  local t = {}
  for k, v in pairs(base) do t[k] = v end
  for k, v in pairs(more) do t[k] = v end
  return t
end

--- Runs functions as coroutines that take turns whenever one has to wait.
-- Returns the first results of each; raises what one of them raised.
function support.together(...)
  local threads, results, alive = {}, {}, 0
  for i, f in ipairs { ... } do
    threads[i] = coroutine.create(f)
    alive = alive + 1
  end
  urlsock.use { wait = function() coroutine.yield() end }
  local deadline, problem = urlsock.now() + 20, nil
  while alive > 0 and not problem do
    for i, thread in ipairs(threads) do
      if coroutine.status(thread) ~= "dead" then
        local ok, a, b, c = coroutine.resume(thread)
        if not ok then problem = problem or a end
        if coroutine.status(thread) == "dead" then
          alive = alive - 1
          results[i] = { a, b, c }
        end
      end
    end
    if urlsock.now() > deadline then problem = "the two sides wait for each other" end
  end
  urlsock.use "plain"
  if problem then error(problem, 0) end
  local unpack = table.unpack or unpack
  return unpack(results)
end

--- What has arrived by now, in however many pieces; waits for the first.
function support.gather(s)
  local data, message, code = s:read(-65536)
  if not data then return nil, message, code end
  local seconds = s:gettimeout()
  s:settimeout(0)
  local more = s:read(-65536)
  while more do
    data = data .. more
    more = s:read(-65536)
  end
  s:settimeout(seconds)
  return data
end

--- Upgrades both ends of a pair; what starttls answered on each.
function support.upgrade(client, server)
  local a, b = assert(urlsock.pair())
  local x, y = support.together(function() return a:starttls(client) end,
    function() return b:starttls(server or support.server) end)
  return a, b, x, y
end

--- The options of a server with a certificate by that name.
function support.serving(name)
  local file = support.cert(name)
  return { cert = file .. ".pem", key = file .. ".key", role = "server" }
end

--- A file of the certificates' directory, read whole.
function support.contents(name)
  local f = assert(io.open(support.cert(name), "rb"))
  local text = f:read "*a"
  f:close()
  return text
end

--- A shell command's output, without its last line end.
function support.shell(command)
  local pipe = assert(io.popen(command, "r"))
  local output = pipe:read "*a"
  pipe:close()
  return (output:gsub("\n$", ""))
end

--- How many descriptors this process has open. The counting waits for a line, by which time the
-- parent has let go of its copy of the other end of the pipe.
function support.descriptors()
  local path = os.tmpname()
  local pipe = assert(io.popen(("read go; ls /proc/$PPID/fd | wc -l >%s"):format(path), "w"))
  pipe:write "go\n"
  pipe:close()
  local f = assert(io.open(path))
  local n = tonumber(f:read())
  f:close()
  os.remove(path)
  return n
end

--- Is a program installed?
function support.has(program)
  return support.shell("command -v " .. program) ~= ""
end

--- A port that is free now.
function support.free_port()
  local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
  local port = urlsock.parse(l:localname()).port
  l:close()
  return port
end

--- Connects as soon as the program on the other side listens.
function support.connect(url, options)
  local deadline = urlsock.now() + 10
  repeat
    local s, message, code = urlsock.connect(url, options)
    if s or (code ~= "refused" and code ~= "unreachable") then return s, message, code end
    urlsock.select({}, {}, 0.02)
  until urlsock.now() > deadline
  return nil, url .. ": nobody listens", "timeout"
end

--- Runs a Lua script on the Lua of the tests, through a prefix of its command line if need be;
-- what it printed, errors included.
function support.script(text, prefix)
  local path = os.tmpname()
  local f = assert(io.open(path, "w"))
  f:write(text)
  f:close()
  local output = support.shell(("%s %s %s 2>&1"):format(prefix or "", os.getenv "LUA", path))
  os.remove(path)
  return output
end

--- Starts a server that prints its URL; that, and a function that ends it.
function support.serve(command)
  local pipe = assert(io.popen("echo $$; exec " .. command))
  local pid, url = pipe:read(), pipe:read()
  return url, function()
    os.execute("kill " .. pid .. " 2>/dev/null")
    pipe:close()
  end
end

--- Starts a program that goes on by itself; returns a function that ends it.
function support.spawn(command)
  local pid = support.shell(("{ %s; } >/dev/null 2>&1 </dev/null & echo $!"):format(command))
  return function()
    os.execute(("pkill -P %s 2>/dev/null; kill %s 2>/dev/null"):format(pid, pid))
  end
end

return support
