--- XMPP: STARTTLS ([RFC 6120](https://www.rfc-editor.org/rfc/rfc6120), section 5).
-- @module urlsock.starttls.xmpp

local bytes = require "urlsock.starttls.bytes"
local xml = require "urlsock.starttls.xml"

local xmpp = {}

local STREAMS = "http://etherx.jabber.org/streams"
local TLS = "urn:ietf:params:xml:ns:xmpp-tls"

--- The head of a stream (section 4.7).
local function header(content, attributes)
  return ("<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='%s' version='1.0'%s>")
    :format(content, STREAMS, attributes)
end

local function attribute(name, value)
  return value and (" %s='%s'"):format(name, value) or ""
end

--- Reads the other side's head; nil when the talk failed.
local function opening(reader)
  local tag = reader:tag "the stream's head"
  if not tag then return nil end
  if tag.space ~= STREAMS or tag.name ~= "stream" or tag.kind ~= "open" or
    tag.attributes.version ~= "1.0" then
    return reader:wrong()
  end
  return tag
end

--- Section 5.4.1: is STARTTLS a child of the features?
local function offered(reader)
  local tag = reader:tag "the stream's features"
  if not tag then return nil end
  if tag.space == STREAMS and tag.name == "error" then reader:tag "the stream's error" end
  if tag.space ~= STREAMS or tag.name ~= "features" then return reader:wrong() end
  local found = false
  local depth = reader.depth
  while tag.kind ~= "empty" do
    local child = reader:tag "the stream's features"
    if not child then return nil end
    if child.kind == "close" and reader.depth < depth then break end
    if child.kind ~= "close" and child.depth == depth + 1 and child.space == TLS and
      child.name == "starttls" then
      found = true
    end
  end
  return found
end

--- Reads an element without children: true when it is that one of the TLS namespace.
local function element(reader, name, what)
  local tag = reader:tag(what)
  if not tag then return nil end
  if tag.space ~= TLS or tag.name ~= name or tag.kind == "close" then return reader:wrong() end
  if tag.kind == "empty" then return true end
  local close = reader:tag(what)
  if not close then return nil end
  return close.kind == "close" or reader:wrong()
end

local function client(content)
  return function(talk, o)
    local reader = xml.new(talk)
    talk:ask(header(content, attribute("from", o.name) .. attribute("to", o.domain or talk.host)))
    if not opening(reader) then return nil end
    local found = offered(reader)
    if found == nil then return nil end
    if not found then return talk:absent() end
    talk:ask("<starttls xmlns='", TLS, "'/>")
    return element(reader, "proceed", "the answer to starttls")
  end
end

--- What is said to a client that wants something else first (section 4.9.3.14).
local refusal = "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>" ..
  "</stream:error></stream:stream>"

local function server(content)
  return function(talk, o)
    local reader = xml.new(talk)
    local head = opening(reader)
    if not head then return nil end
    local id = bytes.random(8)
    if not id then return talk:fail("system", "no random bytes for the stream's id") end
    id = id:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    talk:send(header(content, attribute("id", id) .. attribute("from", o.name or "localhost")),
      "<stream:features><starttls xmlns='", TLS, "'><required/></starttls></stream:features>")
    if not element(reader, "starttls", "the request") then
      if talk.code == "starttls" then talk:last_words(refusal) end
      return nil
    end
    return talk:alone() and talk:send("<proceed xmlns='", TLS, "'/>") and true
  end
end

--- For clients and, with another namespace, for servers.
function xmpp.spoken(content, options)
  return { options = options, client = client(content), server = server(content) }
end

xmpp.options = { domain = true }
xmpp.client, xmpp.server = client "jabber:client", server "jabber:client"

return xmpp
