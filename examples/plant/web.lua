--- web.lua -- the page: live pictures, what every unit does, and switches that break
--- them. All that it shows it has from channels, the journal and the host's status.

local channel = require 'std.channel'
local client = require 'runsmith.client'
local faults = require 'faults'
local fs = require 'std.fs'
local http = require 'std.http'
local json = require 'std.json'
local log = require 'std.log'
local panel = require 'panel'
local task = require 'std.task'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local STATUS_EVERY = 0.5
local ORDERS = { start = true, stop = true, restart = true }

-- Runs until the worker is to stop: takes what comes through a channel.
local function drain(name, each)
  local from = assert(channel.open(name))
  while true do
    local item, why = from:receive(1)
    if item then
      each(item.value)
      from:ack(item)
    elseif why ~= 'timeout' then
      return
    end
  end
end

local function publish(self, event, value)
  self.events:publish { event = event, data = assert(json.encode(value)) }
end

local function take_pictures(self)
  return drain('pictures', function(picture)
    if self.pictures:count() == 0 then return end
    self.pictures:publish {
      id = ('%.0f'):format(picture.number), data = panel.base64(picture.pixels),
    }
  end)
end

local function take_verdicts(self)
  return drain('verdicts', function(verdict)
    verdict.parts = json.array(verdict.parts)
    verdict.passed = json.array(verdict.passed)
    publish(self, 'verdict', verdict)
  end)
end

local function take_chores(self)
  return drain('chores', function(chore) self.panel.chore = chore end)
end

local function watch_status(self, folder)
  for _ in time.every(STATUS_EVERY) do
    local root, err = client.status()
    if root then
      local switched = faults.state(fs.list(folder) or {})
      publish(self, 'state', self.panel:view(root, switched))
    elseif err.code ~= 'stopping' then
      log.warn('no status', { why = err.message })
    end
  end
end

local function follow_journal(self)
  while true do
    local entries, err = client.subscribe { since = self.panel:last() }
    if not entries then log.warn('no journal', { why = tostring(err) }) end
    for entry in entries or function() end do
      if panel.is_news(entry) then
        self.panel:keep(entry)
        publish(self, 'journal', entry)
      end
    end
    if not time.sleep(1) then return end
  end
end

-- A page of another origin cannot send this header.
local function refuse(request, response)
  if request.headers['x-plant'] then return false end
  response:send('only the plant\'s own page may do that\n', 403)
  return true
end

local function answer(response, ok, err)
  if ok then return response:send('', 204) end
  return response:send(tostring(err) .. '\n', 400)
end

local function routes(self, ctx)
  local args = ctx.args
  return {
    ['GET /health'] = function(_, response) return response:send 'well\n' end,
    ['GET /events'] = function(_, response)
      return self.events:serve(response, { retry = 0.5 })
    end,
    ['GET /pictures'] = function(_, response)
      return self.pictures:serve(response, { retry = 0.5 })
    end,
    ['GET /faults'] = function(_, response) return response:json(panel.FAULTS) end,
    ['GET /journal'] = function(_, response) return response:json(self.panel.news) end,
    ['POST /faults/:name/:how'] = function(request, response)
      if refuse(request, response) then return end
      local params = request.params
      local ok, why = faults.switch(args.faults, params.name, params.how)
      if faults.due(args.faults, 'web-handler') then error 'told to fail' end
      return answer(response, ok, why)
    end,
    ['POST /order/:what/*'] = function(request, response)
      if refuse(request, response) then return end
      local what, path = request.params.what, request.params['*']
      if not ORDERS[what] then return answer(response, nil, 'no such order') end
      local ok, err = client[what](path, { wait = false })
      return answer(response, ok, err)
    end,
    ['GET /*'] = http.files(args.page),
  }
end

local function break_down(self, folder)
  if faults.due(folder, 'web-error') then error 'told to fail' end
  if faults.due(folder, 'web-deaf') then self.server:stop() end
  if faults.due(folder, 'web-stall') then
    while true do
    end
  end
end

return worker.define {
  lifecycle = {
    { 'opening', timeout = 5, on = { opened = 'serving', error = 'broken' } },
    { 'serving', heartbeat = 1,
      on = { stop = { 'closing', timeout = 1 }, error = 'broken' } },
    { 'closing', timeout = 4, on = { closed = 'closed', error = 'broken' } },
    { 'closed', ends = 'ok' },
    { 'broken', ends = 'error' },
  },

  opening = function(self, ctx)
    assert(fs.mkdir(ctx.args.faults))
    self.panel = panel.new()
    self.events, self.pictures = http.topic(), http.topic { queue = 2 }
    local port = ctx.args.port
    self.server = assert(http.listen { port = port, routes = routes(self, ctx) })
    local beside = { take_pictures, take_verdicts, take_chores, follow_journal }
    for _, each in ipairs(beside) do
      task.spawn(each, self)
    end
    task.spawn(watch_status, self, ctx.args.faults)
    log.info('look at ' .. self.server.url)
    return 'opened'
  end,

  serving = function(self, ctx)
    break_down(self, ctx.args.faults)
    if not self.server:step(0.25) then return 'stop' end
    return 'keepalive'
  end,

  closing = function(self)
    self.server:close(1)
    return 'closed'
  end,
}
