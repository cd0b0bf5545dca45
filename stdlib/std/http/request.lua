--- What a client asks: its head, and its body as it comes.

local host = require 'runsmith.host'
local url = require 'std.http.url'

local M = {}

--- @class std.http.Request
--- @field method string
--- @field path string as it was sent, without the query
--- @field query table<string, string>
--- @field headers table<string, string> names in lower case
--- @field params table<string, string> the :parts of the route's path; '*' is its rest
--- @field length integer of the body; -1: not known before
--- @field minor integer HTTP/1.minor
--- @field peer string? address of the client
--- @field private connection std.http.Connection
local Request = {}

local lazy = {}

function lazy.query(self)
  local text = self.target:match '%?(.*)$'
  return text and url.query(text) or {}
end

function lazy.peer(self) return (self.connection.stream:peer()) end

function Request.__index(self, key)
  local method = Request[key]
  if method then return method end
  local get = lazy[key]
  if not get then return nil end
  local value = get(self)
  rawset(self, key, value)
  return value
end

--- 'http://host/path' is what proxies are sent; a server takes it, too.
local function path_of(target)
  local path = target
  if target:sub(1, 1) ~= '/' and target ~= '*' then
    path = target:match '^%a+://[^/?#]+([^#]*)'
    if not path then return nil end
    if path:sub(1, 1) ~= '/' then path = '/' .. path end
  end
  return path:find('?', 1, true) and path:match '^[^?]*' or path
end

--- @return std.http.Request? # nil: no path that could be served
function M.new(connection, method, target, minor, length, headers)
  local path = path_of(target)
  if not path then return nil end
  return setmetatable({
    connection = connection, method = method, path = path, target = target,
    minor = minor, length = length, headers = headers, taken = 0, whole = length == 0,
  }, Request)
end

local function agree(self)
  if not self.headers.expect or self.agreed then return true end
  self.agreed = true
  return self.connection.stream:write 'HTTP/1.1 100 Continue\r\n\r\n'
end

--- The next part of the body.
--- @return string? bytes, string|std.Err? why nil alone: that was all; 'too large',
---   'timeout', 'closed'
function Request:read()
  if self.whole then return nil end
  if self.failed then return nil, self.failed end
  local connection = self.connection
  local limits = connection.server.limits
  if self.length > limits.body then
    self.failed = 'too large'
    return nil, 'too large'
  end
  local ok, why = agree(self)
  if not ok then return nil, why end
  local kind, bytes = connection:event(host.now() + limits.body_time)
  if kind == 'end' then
    self.whole = true
    return nil
  end
  if kind ~= 'body' then
    self.failed = kind == nil and bytes or 'malformed'
    return nil, self.failed
  end
  self.taken = self.taken + #bytes
  if self.taken <= limits.body then return bytes end
  self.failed = 'too large'
  return nil, 'too large'
end

--- The whole body, which the server's limit allows for.
--- @return string? bytes, string|std.Err? why as `read`
function Request:body()
  local parts = {}
  while true do
    local bytes, why = self:read()
    if why then return nil, why end
    if not bytes then return table.concat(parts) end
    parts[#parts + 1] = bytes
  end
end

--- The body as JSON.
--- @return any value, string|std.Err? why
function Request:json()
  local text, why = self:body()
  if not text then return nil, why end
  return require('std.json').decode(text)
end

--- Passes over what of the body nobody read, if it is little. False: it is not.
--- @param most integer
--- @param by number
function M.drain(self, most, by)
  if self.headers.expect and not self.agreed then return self.whole end
  while not self.whole do
    if self.failed then return false end
    local kind, bytes = self.connection:event(by)
    if kind == 'end' then return true end
    if kind ~= 'body' then return false end
    most = most - #bytes
    if most < 0 then return false end
  end
  return true
end

return M
