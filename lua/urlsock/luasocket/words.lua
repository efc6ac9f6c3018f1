--- LuaSocket's words for what went wrong.
-- @module urlsock.luasocket.words

local words = {}

local by_code = {
  timeout = "timeout", eof = "closed", truncated = "closed", reset = "closed", closed = "closed",
  refused = "connection refused", inuse = "address already in use", denied = "permission denied",
  url = "host or service not provided, or not known", memory = "memory allocation failure",
}

-- The end of our sentence, and theirs.
local by_cause = {
  { "name or service not known", "host or service not provided, or not known" },
  { "the name has no address", "host or service not provided, or not known" },
  { "no address of that family", "host or service not provided, or not known" },
  { "the name has no address of that family", "host or service not provided, or not known" },
  { "temporary failure of the name service", "temporary failure in name resolution" },
  { "failure of the name service", "non-recoverable failure in name resolution" },
  { "the address is not of the family inet", "Address family for hostname not supported" },
  { "the address is not of the family inet6", "Address family for hostname not supported" },
  { "network is unreachable", "Network is unreachable" },
  { "no route to host", "No route to host" },
  { "no such local address", "Cannot assign requested address" },
  { "no such file or directory", "No such file or directory" },
  { "message too long", "Message too long" },
  { "too many open descriptors in this process", "Too many open files" },
}

--- The word for a message and code of ours; our own sentence where they have none.
function words.of(message, code)
  local word = by_code[code]
  if word then return word end
  for _, pair in ipairs(by_cause) do
    if message:sub(-#pair[1]) == pair[1] then return pair[2] end
  end
  return message
end

-- Numbers of Linux, and of the BSDs, which share none.
local by_number = {
  [13] = "permission denied",
  [98] = "address already in use", [48] = "address already in use",
  [106] = "already connected", [56] = "already connected",
  [111] = "connection refused", [61] = "connection refused",
  [103] = "closed", [53] = "closed", [104] = "closed", [54] = "closed",
  [110] = "timeout", [60] = "timeout",
  [101] = "Network is unreachable", [51] = "Network is unreachable",
  [113] = "No route to host", [65] = "No route to host",
}

--- The word for an errno of a socket; nil for none.
function words.of_number(number)
  if number == 0 then return nil end
  return by_number[number] or ("error %d"):format(number)
end

words.unconnected = "Transport endpoint is not connected"
words.unopened = "Bad file descriptor"

return words
