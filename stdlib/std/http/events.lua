--- Server-sent events, to one client or to all that listen to a topic.
---
--- ```lua
--- local http = require 'std.http'
--- local task = require 'std.task'
---
--- local ticks = http.topic()
--- local server = assert(http.listen {
---   port = 0,
---   routes = {
---     ['GET /ticks'] = function(_, response) return ticks:serve(response) end,
---   },
--- })
--- task.spawn(function()
---   while ticks:count() == 0 do require('std.time').sleep(0.01) end
---   ticks:publish { event = 'tick', data = '1' }
--- end)
--- local answer = assert(http.get(server.url .. '/ticks', { stream = true }))
--- assert(answer:read() == 'event: tick\ndata: 1\n\n')
--- answer:close()
--- server:close(0)
--- ```

local schedule = require 'runsmith.vm.schedule'

local M = {}

local PING = 15 -- seconds of silence after which a comment asks whether it listens
local QUEUE = 64 -- events that wait for one client

local function line(name, value)
  value = tostring(value)
  if value:find '[\r\n%z]' then
    error(('http: an event\'s %s is one line'):format(name), 4)
  end
  return name .. ': ' .. value .. '\n'
end

--- @param event { event?: string, data?: string, id?: string|integer, retry?: number }
---   retry: seconds
--- @return string
function M.encode(event)
  local text = ''
  if event.retry then text = line('retry', ('%d'):format(event.retry * 1000)) end
  if event.event then text = text .. line('event', event.event) end
  if event.id then text = text .. line('id', event.id) end
  if event.data then
    local data = tostring(event.data)
    if data:find '[\r\n]' then
      data = data:gsub('\r\n?', '\n'):gsub('\n', '\ndata: ')
    end
    text = text .. 'data: ' .. data .. '\n'
  end
  return text .. '\n'
end

--- @class std.http.Events
--- @field private response std.http.Response
local Events = {}
Events.__index = Events

--- @return std.http.Events? events, string|std.Err? why
function M.open(response, options)
  local headers = response.headers
  headers['content-type'] = 'text/event-stream'
  headers['cache-control'] = 'no-store'
  response.is_raw = true
  local start = options.retry and M.encode { retry = options.retry } or ''
  local ok, why = response:write(start)
  if not ok then return nil, why end
  response.connection:endless()
  return setmetatable({ response = response }, Events)
end

--- @param event { event?: string, data?: string, id?: string|integer, retry?: number }
--- @return true? ok, string|std.Err? why 'closed': the client is gone
function Events:send(event)
  if not self.response.connection.stream:is_open() then return nil, 'closed' end
  return self.response:write(M.encode(event))
end

--- Waits; tells when the client is gone.
--- @param seconds number
--- @return true? ok, string? why 'closed', 'stopping'
function Events:wait(seconds)
  local stream = self.response.connection.stream
  local _, why = stream:suspend(schedule.ticket(), seconds)
  if why == 'timeout' then return true end
  return nil, why
end

--- @class std.http.Topic
--- @field dropped integer events that some client was too slow for
--- @field private feeds table<table, true>
local Topic = {}
Topic.__index = Topic

--- What many clients listen to. One that is slower than the events loses the oldest.
--- @param options? { queue?: integer, replay?: integer } events that wait for each
---   client (64); how many of the latest a new one gets first (0)
--- @return std.http.Topic
function M.topic(options)
  options = options or {}
  return setmetatable({
    queue = options.queue or QUEUE, replay = options.replay or 0, latest = {},
    feeds = {}, listening = 0, dropped = 0,
  }, Topic)
end

--- @return integer clients that listen
function Topic:count() return self.listening end

local function push(self, feed, bytes)
  if feed.last - feed.first + 1 >= self.queue then
    feed[feed.first] = nil
    feed.first = feed.first + 1
    self.dropped = self.dropped + 1
  end
  feed.last = feed.last + 1
  feed[feed.last] = bytes
end

--- Hands an event to all who listen now.
--- @param event { event?: string, data?: string, id?: string|integer }
function Topic:publish(event)
  local bytes = M.encode(event)
  if self.replay > 0 then
    table.insert(self.latest, bytes)
    if #self.latest > self.replay then table.remove(self.latest, 1) end
  end
  for feed in pairs(self.feeds) do
    push(self, feed, bytes)
    local ticket = feed.ticket
    if ticket then
      feed.ticket = nil
      schedule.wake(ticket, true)
    end
  end
end

local function take(feed)
  if feed.first == feed.last then
    local bytes = feed[feed.first]
    feed[feed.first] = nil
    feed.first, feed.last = 1, 0
    return bytes
  end
  local bytes = table.concat(feed, '', feed.first, feed.last)
  for i = feed.first, feed.last do
    feed[i] = nil
  end
  feed.first, feed.last = 1, 0
  return bytes
end

local function pump(feed, response, ping)
  local stream = response.connection.stream
  while true do
    if feed.first <= feed.last then
      local ok, why = response:write(take(feed))
      if not ok then return why end
    else
      local ticket = schedule.ticket()
      feed.ticket = ticket
      local _, why = stream:suspend(ticket, ping)
      feed.ticket = nil
      if why == 'timeout' then
        local ok
        ok, why = response:write ':\n\n'
        if not ok then return why end
      elseif why then
        return why
      end
    end
  end
end

--- Answers with this topic's events until the client is gone, or the server stops.
--- @param response std.http.Response
--- @param options? { retry?: number, ping?: number } seconds
--- @return nil, string|std.Err why
function Topic:serve(response, options)
  options = options or {}
  local events, why = response:events(options)
  if not events then return nil, why end
  local feed = { first = 1, last = 0 }
  for _, bytes in ipairs(self.latest) do
    push(self, feed, bytes)
  end
  self.feeds[feed] = true
  self.listening = self.listening + 1
  why = pump(feed, response, options.ping or PING)
  self.feeds[feed] = nil
  self.listening = self.listening - 1
  return nil, why
end

return M
