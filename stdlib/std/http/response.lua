--- What a client is answered: at once, in parts, or as events.

local host = require 'runsmith.host'
local status_text = require 'std.http.status'

local M = {}

local OURS = { -- of headers: what the connection itself says
  ['content-length'] = true, ['transfer-encoding'] = true, connection = true,
  date = true,
}

--- @class std.http.Response
--- @field status integer 200
--- @field headers table<string, string|string[]>
--- @field begun boolean its head was sent
--- @field private connection std.http.Connection
local Response = {}
Response.__index = Response

local NO_HEADERS = {}

-- Headers are made when the first is set: most answers have none of their own.
local meta = {
  __index = function(self, key)
    if key == 'headers' then
      local headers = {}
      rawset(self, 'headers', headers)
      return headers
    end
    return Response[key]
  end,
}

--- @return std.http.Response
function M.new(connection, request)
  return setmetatable({
    connection = connection, request = request, status = 200, begun = false,
    done = false,
  }, meta)
end

local date, date_until = '', 0

local function now_text()
  local now = host.now()
  if now >= date_until then
    date_until = now + 1
    date = os.date '!%a, %d %b %Y %H:%M:%S GMT'
  end
  return date
end

local function add(lines, name, value)
  value = tostring(value)
  if value:find '[%z\r\n]' then
    error(('http: the value of %q has a line end in it'):format(name), 5)
  end
  lines[#lines + 1] = name .. ': ' .. value .. '\r\n'
end

local function own_lines(headers)
  local lines = {}
  for name, value in pairs(headers) do
    if type(name) ~= 'string' or name:find "[^%w!#$%%&'*+%-.^_`|~]" or name == '' then
      error(('http: %q is no name of a header'):format(tostring(name)), 4)
    end
    if OURS[name:lower()] then
      error(('http: %q is the server\'s to say'):format(name), 4)
    end
    for _, each in ipairs(type(value) == 'table' and value or { value }) do
      add(lines, name, each)
    end
  end
  return table.concat(lines)
end

local first_lines = {}

local function first_line(status)
  local line = first_lines[status]
  if not line then
    local is_good = type(status) == 'number' and status % 1 == 0
    if not is_good or status < 200 or status > 599 then
      error(('http: the status is %s; it must be from 200 to 599'):format(
        tostring(status)), 4)
    end
    line = ('HTTP/1.1 %d %s\r\ndate: '):format(status, status_text[status] or '')
    first_lines[status] = line
  end
  return line
end

-- `length`: bytes; nil: it is chunked, or ends with the connection.
local function head(self, length)
  local connection, status = self.connection, self.status
  local own = rawget(self, 'headers')
  local framing
  if length then
    framing = status == 204 and '' or 'content-length: ' .. length .. '\r\n'
  elseif self.is_chunked then
    framing = 'transfer-encoding: chunked\r\n'
  else
    framing = ''
  end
  local keep = connection:keeps() and (length or self.is_chunked)
  connection.keep_alive = keep and true or false
  local life = not keep and 'connection: close\r\n'
    or self.request.minor == 0 and 'connection: keep-alive\r\n' or ''
  return first_line(status) .. now_text() .. '\r\n' .. framing .. life
    .. (self.lines or own and own_lines(own) or '') .. '\r\n'
end

--- Lines that are made once for many answers; `lines` of a response, instead of its
--- headers.
--- @param headers table<string, string>
function M.lines(headers) return own_lines(headers) end

-- It has begun once its head is made: who makes a mistake in that is answered with 500.
local function must_be_new(self)
  if self.begun then error('http: this was answered already', 3) end
end

local function must_be_text(name, bytes)
  if type(bytes) == 'string' then return end
  error(('response:%s takes a string, not a %s'):format(name, type(bytes)), 3)
end

local function failed(self, why)
  self.connection.keep_alive = false
  self.done = true
  return nil, why
end

--- Answers with the whole body.
--- @param body? string
--- @param status? integer
--- @return true? ok, string|std.Err? why
function Response:send(body, status)
  must_be_new(self)
  body = body or ''
  must_be_text('send', body)
  if status then self.status = status end
  local bytes = head(self, #body)
  self.begun = true
  if self.request.method ~= 'HEAD' and self.status ~= 304 then bytes = bytes .. body end
  self.done = true
  local ok, why = self.connection.stream:write(bytes)
  if not ok then return failed(self, why) end
  return true
end

--- Answers with a value as JSON.
--- @param value any
--- @param status? integer
function Response:json(value, status)
  local text, why = require('std.json').encode(value)
  if not text then error(why.message, 2) end
  self.headers['content-type'] = 'application/json'
  return self:send(text, status)
end

--- Sends the client elsewhere.
--- @param location string
--- @param status? integer 303
function Response:redirect(location, status)
  self.headers.location = location
  return self:send('', status or 303)
end

--- Answers with a part of the body; more may follow. Waits while the client does not
--- take it. Once the handler has returned, the body is whole.
--- @param bytes string
--- @return true? ok, string|std.Err? why
function Response:write(bytes)
  local start = ''
  must_be_text('write', bytes)
  if not self.begun then
    self.is_chunked = self.request.minor > 0 and not self.is_raw
    start = head(self)
    self.begun = true
  elseif self.done then
    return nil, 'closed'
  end
  if self.request.method == 'HEAD' then bytes = '' end
  if self.is_chunked and bytes ~= '' then
    bytes = ('%x\r\n'):format(#bytes) .. bytes .. '\r\n'
  end
  if start == '' and bytes == '' then return true end
  local ok, why = self.connection.stream:write(start .. bytes)
  if not ok then return failed(self, why) end
  return true
end

--- The handler has returned.
--- @return boolean # whether it answered
function M.finish(self)
  if not self.begun then return false end
  if self.done then return true end
  self.done = true
  if self.is_chunked and self.request.method ~= 'HEAD' then
    local ok, why = self.connection.stream:write '0\r\n\r\n'
    if not ok then failed(self, why) end
  end
  return true
end

--- Answers with server-sent events: a stream that lasts as long as the client listens.
--- @param options? { retry?: number } seconds until a client that lost it comes back
--- @return std.http.Events? events, string|std.Err? why
function Response:events(options)
  return require('std.http.events').open(self, options or NO_HEADERS)
end

return M
