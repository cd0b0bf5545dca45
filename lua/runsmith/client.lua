--- A client of a running host: one JSON object a line over its control socket.
---
--- In a worker a call waits as the library's others do: the VM goes on, and a stop ends
--- the wait. Elsewhere (the command line) it runs luv's loop until the answer is there.

local folder_of = require 'runsmith.folder'
local json = require 'cjson'
local writer = require 'runsmith.json'

local M = {}

local QUEUE_MAX = 1024 -- entries that were received and not taken yet
local RUN = '/run'

--- @class runsmith.client.Error
--- @field code string 'no_host', 'not_found', 'superseded', …
--- @field message string
--- @field mistakes? table[] of a tree script
local Error = {}
Error.__index = Error
Error.__tostring = function(self) return self.message end

local function fail(code, message, ...)
  if select('#', ...) > 0 then message = message:format(...) end
  return nil, setmetatable({ code = code, message = message }, Error)
end

--- A connection.
--- @class runsmith.Client
--- @field path string the socket's
local Client = {}
Client.__index = Client

-- The scheduler, where a worker calls; nil elsewhere.
local function scheduler()
  local schedule = package.loaded['runsmith.vm.schedule']
  return schedule and schedule.current() and schedule or nil
end

local function luv()
  if scheduler() then return require('runsmith.vm.owned').module() end
  return require 'luv'
end

function Client:wake()
  local ticket = self.ticket
  self.ticket = nil
  if ticket then package.loaded['runsmith.vm.schedule'].wake(ticket, true) end
end

-- Until something has come. True, or nil and why not.
function Client:pause()
  local schedule = scheduler()
  if not schedule then
    self.uv.run 'once'
    return true
  end
  self.ticket = schedule.ticket()
  local ok, why = schedule.suspend(self.ticket)
  self.ticket = nil
  return ok, why
end

--- Cuts chunks into lines, each of which goes to `each`.
--- @param each fun(line: string)
--- @return fun(chunk: string)
function M.cutter(each)
  local parts = {}
  return function(chunk)
    local at = 1
    while true do
      local newline = chunk:find('\n', at, true)
      if not newline then break end
      parts[#parts + 1] = chunk:sub(at, newline - 1)
      each(table.concat(parts))
      parts, at = {}, newline + 1
    end
    if at <= #chunk then parts[#parts + 1] = chunk:sub(at) end
  end
end

function Client:take(line)
  local ok, object = pcall(json.decode, line)
  if not ok or type(object) ~= 'table' then
    self.why = 'the host sent what is no JSON'
  elseif object.ok == nil then
    self.last = self.last + 1
    self.queue[self.last] = { object, line }
  elseif object.id == nil or object.id == json.null then
    local told = type(object.error) == 'table' and object.error or {}
    self.why, self.code = told.message, told.code
  else
    object.raw = line:match '^{"id":%d+,"ok":true,"result":(.*)}$'
    self.answers[object.id] = object
  end
end

function Client:hear(err, chunk)
  if chunk then
    self.cut(chunk)
  else
    self.over = true
    self.why = self.why or err or 'the host has ended the connection'
  end
  if self.last - self.first >= QUEUE_MAX and not self.paused then
    self.paused = true
    self.uv.read_stop(self.pipe)
  end
  self:wake()
end

function Client:listen()
  self.paused = false
  self.uv.read_start(self.pipe, function(err, chunk) self:hear(err, chunk) end)
end

local function open(uv, path)
  local client = setmetatable({
    path = path, uv = uv, pipe = uv.new_pipe(false), answers = {}, number = 0,
    queue = {}, first = 1, last = 0,
  }, Client)
  client.cut = M.cutter(function(line) client:take(line) end)
  local done, why
  local ok, refused = pcall(uv.pipe_connect, client.pipe, path, function(err)
    done, why = true, err
    client:wake()
  end)
  if not ok then
    uv.close(client.pipe)
    return nil, refused
  end
  while not done do
    local there, stopping = client:pause()
    if not there then
      done, why = true, stopping
    end
  end
  if why then
    uv.close(client.pipe)
    return nil, why
  end
  client:listen()
  return client
end

-- Sockets of hosts, where nobody said which.
local function candidates(uv)
  local found, seen = {}, {}
  local runtime = os.getenv 'XDG_RUNTIME_DIR'
  for _, folder in ipairs { runtime or RUN, RUN } do
    folder = folder .. '/runsmith'
    local names = not seen[folder] and folder_of.names(uv, folder)
    seen[folder] = true
    for _, name in ipairs(names or {}) do
      if name:find '%.sock$' then found[#found + 1] = folder .. '/' .. name end
    end
  end
  table.sort(found)
  return found
end

local function find(uv)
  local clients, denied = {}, nil
  for _, path in ipairs(candidates(uv)) do
    local client, why = open(uv, path)
    clients[#clients + 1] = client
    if why and tostring(why):find 'EACCES' then denied = path end
  end
  if #clients == 1 then return clients[1] end
  local paths = {}
  for i, client in ipairs(clients) do
    paths[i] = client.path
    client:close()
  end
  if #clients > 1 then
    return fail('several', 'several hosts are running; choose one by --socket: %s',
      table.concat(paths, ', '))
  end
  if denied then return fail('no_host', 'no permission to talk to %s', denied) end
  return fail('no_host', 'no host is running')
end

--- Connects to a host: the one at `path`, else $RUNSMITH_SOCKET, else the only one that
--- is running.
--- @param path? string
--- @return runsmith.Client? client, runsmith.client.Error? err
function M.connect(path)
  local uv = luv()
  path = path or os.getenv 'RUNSMITH_SOCKET'
  if not path or path == '' then return find(uv) end
  local client, why = open(uv, path)
  if client then return client end
  return fail('no_host', 'no host at %s: %s', path, tostring(why))
end

function Client:close()
  if self.closed then return end
  self.closed = true
  if not self.uv.is_closing(self.pipe) then self.uv.close(self.pipe) end
end

function Client:gone()
  return fail(self.code or 'no_host', '%s', tostring(self.why))
end

--- Sends a request; `answer` waits for what comes of it.
--- @param op string
--- @param fields? table
--- @return integer id
function Client:send(op, fields)
  local request = {}
  for key, value in pairs(fields or {}) do
    request[key] = value
  end
  self.number = self.number + 1
  request.id, request.op = self.number, op
  local line = writer.encode(request) .. '\n'
  if not self.over then self.uv.write(self.pipe, line, function() end) end
  return self.number
end

--- @param id integer what `send` gave
--- @return any result, runsmith.client.Error? err, string? raw the result as JSON
function Client:answer(id)
  while not self.answers[id] do
    if self.over then return self:gone() end
    local ok, why = self:pause()
    if not ok then return fail('stopping', tostring(why)) end
  end
  local object = self.answers[id]
  self.answers[id] = nil
  if object.ok then return object.result, nil, object.raw end
  return nil, setmetatable(object.error, Error)
end

--- Makes a request and waits for its answer.
--- @param op string
--- @param fields? table
--- @return any result, runsmith.client.Error? err, string? raw
function Client:request(op, fields) return self:answer(self:send(op, fields)) end

--- The next journal entry of a subscription, and its line.
--- @param id? integer a `journal` request: nil after its last entry
--- @return table? entry, string|runsmith.client.Error? line_or_err
function Client:entry(id)
  while self.first > self.last do
    if id and self.answers[id] then return nil, select(2, self:answer(id)) end
    if self.over then return self:gone() end
    if self.paused then self:listen() end
    local ok, why = self:pause()
    if not ok then return fail('stopping', tostring(why)) end
  end
  local item = self.queue[self.first]
  self.queue[self.first] = nil
  self.first = self.first + 1
  return item[1], item[2]
end

-- One request on a connection of its own.
local function once(op, fields)
  local path = fields.socket
  fields.socket = nil
  local is_plain, why = pcall(writer.encode, fields)
  if not is_plain then return fail('invalid', '%s', why) end
  local client, err = M.connect(path)
  if not client then return nil, err end
  local result
  result, err = client:request(op, fields)
  client:close()
  return result, err
end

local function fields_of(path, options, more)
  local fields = more or {}
  for key, value in pairs(options or {}) do
    fields[key] = value
  end
  fields.path = path
  return fields
end

--- Starts units; waits until they are ready unless `wait = false`.
--- @param path string or a pattern
--- @param options? { wait?: boolean, socket?: string }
--- @return table? result, runsmith.client.Error? err
function M.start(path, options) return once('start', fields_of(path, options)) end

--- Stops units; waits until they have.
--- @param path string
--- @param options? { wait?: boolean, socket?: string }
--- @return table? result, runsmith.client.Error? err
function M.stop(path, options) return once('stop', fields_of(path, options)) end

--- Restarts units; waits until they are ready again.
--- @param path string
--- @param options? { wait?: boolean, socket?: string }
--- @return table? result, runsmith.client.Error? err
function M.restart(path, options) return once('restart', fields_of(path, options)) end

--- Adds a unit to a pool; waits until it is ready.
--- @param path string the pool's
--- @param name string
--- @param args? any plain data, as JSON can say it
--- @param options? { wait?: boolean, socket?: string }
--- @return table? result, runsmith.client.Error? err
function M.add(path, name, args, options)
  return once('add', fields_of(path, options, { name = name, args = args }))
end

--- Stops and forgets what was added to a pool.
--- @param path string
--- @param options? { wait?: boolean, socket?: string }
--- @return table? result, runsmith.client.Error? err
function M.remove(path, options) return once('remove', fields_of(path, options)) end

--- What the host knows of its units.
--- @param path? string
--- @param options? { socket?: string }
--- @return table? unit, runsmith.client.Error? err
function M.status(path, options) return once('status', fields_of(path, options)) end

--- Follows the journal: `for entry in client.subscribe { unit = 'plant/camera' } do`.
--- @param options? { since?: integer, unit?: string, kind?: string, socket?: string }
--- @return (fun(): table?)? next, runsmith.client.Error? err
function M.subscribe(options)
  options = fields_of(nil, options)
  local client, err = M.connect(options.socket)
  if not client then return nil, err end
  options.socket = nil
  local ok
  ok, err = client:request('subscribe', options)
  if not ok then
    client:close()
    return nil, err
  end
  return function()
    local entry, why = client:entry()
    if not entry then client:close() end
    return entry, not entry and why or nil
  end
end

return M
