--- The program's command line.
-- @module urlsock.cli.arguments

local arguments = {}

--- Option to what it takes: nothing (false), a word, a list of words, seconds or days.
local options = {
  listen = false, keep = false, verbose = false, help = false, version = false, info = false,
  json = false, ["no-shutdown"] = false, ["proxy-protocol"] = false,
  ["insecure-noverifycert"] = false, ["insecure-noverifyname"] = false,
  ["insecure-noverifytime"] = false,
  starttls = "word", ca = "word", cert = "word", key = "word", servername = "word",
  ciphers = "word", bind = "word", via = "word", alpn = "list", pin = "list", protocols = "list",
  timeout = "number", days = "number",
}

local short = { l = "listen", k = "keep", v = "verbose", h = "help", V = "version" }

--- Those that become TLS options.
local tls_names = {
  "ca", "cert", "key", "servername", "ciphers", "alpn", "pin", "protocols",
  "insecure-noverifycert", "insecure-noverifyname", "insecure-noverifytime",
}

--- Those that say nothing to a check.
local unchecked = { "listen", "keep", "info", "no-shutdown", "proxy-protocol" }

local function value_of(kind, name, text, before)
  if kind == "list" then
    local list = before or {}
    for word in text:gmatch "[^,]+" do list[#list + 1] = word end
    if #list == 0 then return nil, ("--%s: a list of words is expected"):format(name) end
    return list
  elseif kind == "number" then
    -- no hexadecimal, no nan: what a person calls a number
    local number = text:find "^%d*%.?%d*$" and tonumber(text)
    if not number then return nil, ("--%s: '%s' is no number"):format(name, text) end
    if number >= 2 ^ 31 then return nil, ("--%s: '%s' is too large"):format(name, text) end
    return number
  end
  return text
end

--- Takes a long option: name, or name=value, or the value in the next argument.
-- @treturn number the index of the last argument that was used
-- @treturn ?string what is wrong with it
local function long(o, list, i)
  local name, value = list[i]:match "^%-%-([^=]+)=(.*)$"
  name = name or list[i]:sub(3)
  local kind = options[name]
  if kind == nil then return i, ("unknown option '--%s'"):format(name) end
  if not kind then
    if value then return i, ("--%s takes no value"):format(name) end
    o[name] = true
    return i
  end
  if not value then
    i = i + 1
    value = list[i]
  end
  -- an empty one is an unset variable of the shell
  if not value or value == "" then return i, ("--%s needs a value"):format(name) end
  if o[name] and kind ~= "list" then return i, ("--%s is given twice"):format(name) end
  local problem
  o[name], problem = value_of(kind, name, value, o[name])
  return i, problem
end

--- Takes short options; what is wrong with them.
local function letters(o, word)
  for letter in word:sub(2):gmatch "." do
    if not short[letter] then return ("unknown option '-%s'"):format(letter) end
    o[short[letter]] = true
  end
end

--- Options and the rest of the words. Behind what is wrong it goes on: the words may tell what it
-- is about.
local function taken_apart(list)
  local o, i, words, first = {}, 1, {}, nil
  while i <= #list do
    local word, problem = list[i], nil
    if word == "--" then
      for k = i + 1, #list do words[#words + 1] = list[k] end
      break
    elseif word:sub(1, 2) == "--" then
      i, problem = long(o, list, i)
    elseif #word > 1 and word:sub(1, 1) == "-" then
      problem = letters(o, word)
    else
      words[#words + 1] = word
    end
    first = first or problem
    i = i + 1
  end
  return o, words, first
end

--- What does not go together; nil where all does.
local function conflict(o)
  if o.check then
    for _, name in ipairs(unchecked) do
      if o[name] then return ("--%s does not go with check"):format(name) end
    end
    return nil
  end
  if o.days then return "--days is for check" end
  if o.json and not o.info then return "--json goes with --info or check" end
  if o.keep and not o.listen then return "--keep goes with --listen" end
  if o["proxy-protocol"] and not o.listen then return "--proxy-protocol goes with --listen" end
  if o.via and o.listen then return "--via does not go with --listen" end
  if o.bind and o.listen then return "--bind does not go with --listen: the URL says where" end
end

--- The options of TLS; nil where none is given.
local function tls_of(o)
  local t = {}
  for _, name in ipairs(tls_names) do t[name:gsub("%-", "_")] = o[name] end
  return next(t) ~= nil and t or nil
end

--- Parses a command line.
-- @tparam table list
-- @treturn[1] table the options by their long names, and `check`, `url`, `port`, `tls`
-- @treturn[2] nil
-- @treturn[2] string what is wrong with it
-- @treturn[2] boolean whether it is about a check
function arguments.parse(list)
  local o, words, problem = taken_apart(list)
  if problem then return nil, problem, words[1] == "check" end
  if o.help or o.version then return o end
  if words[1] == "check" then
    o.check = true
    table.remove(words, 1)
  end
  o.url = words[1]
  problem = conflict(o)
  if not o.url then problem = problem or "a URL is missing" end
  if words[2] then
    o.port = words[2]:find "^%d%d?%d?%d?%d?$" and tonumber(words[2])
    if not o.port then problem = problem or ("'%s' is no port"):format(words[2]) end
  end
  if words[3] then problem = problem or ("'%s' is one word too many"):format(words[3]) end
  if problem then return nil, problem, o.check == true end
  o.tls = tls_of(o)
  return o
end

arguments.usage = [[
usage: urlsock [options] URL [PORT]          join standard input and output to a socket
       urlsock -l [-k] [options] URL [PORT]  listen; -k: for one client after another
       urlsock check [options] URL [PORT]    is the TLS of a server in order?

  URL                    tcp:// (default) tls:// tlsv1.2:// tlsv1.3:// udp:// unix:// udg://
  -l, --listen           listen
  -k, --keep             go on listening
  -v, --verbose          say what happens, on standard error
      --info             print the facts of the connection and end
      --json             --info and check: as JSON
      --starttls PROTO   begin in the clear: smtp, imap, pop3, ...
      --timeout SECONDS  to connect (60), and of silence (no limit)
      --bind ADDRESS     the local address
      --via URL          a proxy: socks5://, http:// or https://[user:password@]host[:port]
      --no-shutdown      keep our direction open at the end of standard input
      --proxy-protocol   -l: clients begin with a header of the PROXY protocol

TLS:  --ca FILE  --cert FILE  --key FILE  --servername NAME  --alpn LIST  --pin LIST
      --ciphers LIST  --protocols LIST  --insecure-noverifycert  --insecure-noverifyname
      --insecure-noverifytime

check: --days N          warn when the certificate ends within N days (14)

  -h, --help   -V, --version
]]

return arguments
