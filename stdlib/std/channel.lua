--- Bounded queues between workers of any backend.
---
--- ```lua
--- local channel = require 'std.channel'
---
--- local frames = assert(channel.open 'frames') -- rs.channel 'frames' {} in the tree
--- assert(frames:send { number = 1, bytes = 'abc' })
---
--- local item = frames:receive(1)
--- if item then
---   assert(item.value.number == 1 and item.attempt >= 1)
---   assert(frames:ack(item)) -- done with it
--- end
--- ```
---
--- A channel is described in the tree, `rs.channel 'frames' { capacity = 64 }` beside a
--- supervisor's children, and seen by every worker below that supervisor; of two of one
--- name the nearer one is meant. Items come out in the order in which they went in. Who
--- received one acknowledges it when it is done with it: what a worker took and did not
--- `ack` before it ended is delivered again, first. Ready ones number at most
--- `capacity`; of those that were received and not acknowledged there are at most as
--- many, or 64: `receive` waits meanwhile. A channel and its items outlive restarts,
--- those of its supervisor too; a reload that takes it out of the tree closes it.
---
--- `overflow` says what `send` does when it is full: `'block'` waits, `'drop_oldest'`
--- drops the item that waits longest, `'error'` returns `nil, 'full'`. With
--- `attempts = 5, rejects = 'bad'` an item whose consumers died five times goes to the
--- channel `bad`.
---
--- With `durable = 'queue.db'` items outlive the host, too, in a SQLite file of that
--- name beside the tree's script; folders that it lacks are made. What consumers of the
--- host that died had not acknowledged is delivered again. A power failure may cost the
--- last fraction of a second: what was sent then can be lost, what was acknowledged
--- then can come again.
--- Each call writes to the file and may wait for the disk.

local abi = require 'runsmith.abi'
local bit = require 'bit'
local buffer = require 'string.buffer'
local channels = require 'runsmith.vm.channels'
local ffi = require 'ffi'
local host = require 'runsmith.host'
local log = require 'std.log'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local REFUSE = T.REFUSE

local M = {}

local C, band = abi.C, bit.band
local CODE, OK, EMPTY, FULL = 0xff, 0, 1, 2
local WAIT, WOKEN = 1, 2
local ITEMS, ROOM, LOST = 0x100, 0x200, 0xc00 -- LOST: DROPPED or REJECTED
local DROPPED = 0x400
local DEPTH_MAX = 100
local TELL_EVERY = 1 -- seconds between two entries about what was lost

local WHY = {
  [C.RS_CHANNEL_FULL] = 'full',
  [C.RS_CHANNEL_REFUSED] = 'full',
  [C.RS_CHANNEL_CLOSED] = 'closed',
  [C.RS_CHANNEL_BUSY] = 'busy',
  [C.RS_CHANNEL_DAMAGED] = 'damaged',
  [C.RS_CHANNEL_STALE] = 'not taken',
  [C.RS_CHANNEL_LARGE] = 'too large',
}

local STORE = C.RS_CHANNEL_STORE

local function why(code)
  code = band(code, CODE)
  if code ~= STORE then return WHY[code] end
  return 'storage: ' .. ffi.string(C.rs_channel_why())
end

local encoder, taken = buffer.new(), ffi.new 'rs_channel_item'

--- What was received.
--- @class std.channel.Item
--- @field value any
--- @field attempt integer the how many-th delivery this is
--- @field origin? string|false the channel that rejected it; false: an earlier host's
--- @field tried? integer deliveries there
--- @field package slot integer
--- @field package seq integer

--- @class std.Channel
--- @field name string
--- @field package task runsmith.Task
--- @field package use ffi.cdata*
--- @field package of runsmith.Channel
local Channel = {}
Channel.__index = Channel

local SCALAR = { ['nil'] = true, boolean = true, number = true, string = true }

-- Why a value is not plain data; nil: it is.
local function fault(value, depth)
  local kind = type(value)
  if SCALAR[kind] then return nil end
  if kind ~= 'table' then return 'a ' .. kind end
  if getmetatable(value) ~= nil then return 'a table with a metatable' end
  if depth == DEPTH_MAX then return 'a cycle, or tables nested too deep' end
  for key, item in next, value do
    local what = fault(key, depth + 1) or fault(item, depth + 1)
    if what then return what end
  end
end

local function check(self, what)
  if getmetatable(self) ~= Channel then
    error(('write channel:%s(…), with a colon'):format(what), 3)
  end
  if self.task ~= schedule.current() then
    error('a channel is used by the worker that opened it', 3)
  end
end

local function check_time(what, seconds)
  if seconds == nil or type(seconds) == 'number' and seconds >= 0 then return end
  local text = 'channel:%s takes a number of seconds, not %s'
  error(text:format(what, tostring(seconds)), 3)
end

local function tell(self, code)
  local of = self.of
  if band(code, DROPPED) ~= 0 then
    of.dropped = of.dropped + 1
  else
    of.rejected = true
  end
  local now = host.now()
  if now - of.told < TELL_EVERY then return end
  of.told = now
  local name, dropped = self.name, of.dropped
  if dropped > 0 then
    log.warn(('channel %s: the oldest gave way'):format(name), { dropped = dropped })
  end
  if of.rejected then
    local text = 'channel %s: items whose consumers keep dying were taken out'
    log.warn(text:format(name))
  end
  of.dropped, of.rejected = 0, false
end

-- Those of this VM's who can go on, and what is to be told.
local function follow(self, code)
  if band(code, ITEMS) ~= 0 then self.of.items:wake(false) end
  if band(code, ROOM) ~= 0 then self.of.room:wake(false) end
  if band(code, LOST) ~= 0 then tell(self, code) end
end

-- What others of this VM who wait must have the channel know.
local function others(queue)
  return queue.count > 0 and WAIT or 0
end

-- Repeats a call until it need not wait any longer.
local function await(self, queue, wants, timeout, call, a, b)
  local by = timeout and host.now() + timeout
  local flags = WAIT
  queue:watch()
  while true do
    local code = call(self.use, a, b, flags)
    if band(code, CODE) ~= wants then return code end
    if code ~= wants then follow(self, code) end
    local left = by and by - host.now()
    if left and left <= 0 then return nil, 'timeout' end
    local go, woken = queue:wait(left)
    if not go then return nil, woken end
    flags = woken and WAIT + WOKEN or WAIT
  end
end

local function receive(use, item, _, flags)
  return C.rs_channel_receive(use, item, flags)
end

local function open_item(self, code)
  if code >= ITEMS then follow(self, code) end
  if band(code, CODE) ~= OK then return nil, why(code) end
  local bytes = ffi.string(taken.bytes, taken.size)
  local item = { attempt = taken.attempt, slot = taken.slot }
  item.seq = tonumber(taken.seq)
  if taken.tried ~= 0 then
    local name = taken.origin ~= 0 and C.rs_channel_name(taken.origin)
    item.origin, item.tried = name and name ~= nil and ffi.string(name), taken.tried
  end
  local good, value = pcall(buffer.decode, bytes)
  if not good then return nil, 'damaged' end
  item.value = value
  return item
end

--- Puts a value behind all others. In a channel with `overflow = 'block'` that is full
--- it waits for room.
--- @param value any plain data, at most 1 MiB of it
--- @param timeout? number seconds; default: no limit
--- @return true? # or nil and 'full', 'timeout', 'stopping', 'too large', 'closed'
function Channel:send(value, timeout)
  check(self, 'send')
  check_time('send', timeout)
  if not SCALAR[type(value)] then
    local what = fault(value, 0)
    if what then error('channel:send takes plain data, not ' .. what, 2) end
  end
  encoder:reset():encode(value)
  local bytes, size = encoder:ref()
  local room = self.of.room
  local code = C.rs_channel_send(self.use, bytes, size, others(room))
  if band(code, CODE) == FULL then
    if code ~= FULL then follow(self, code) end
    if timeout == 0 then return nil, 'timeout' end
    local kept = ffi.string(bytes, size) -- others use the encoder meanwhile
    local last, ended = await(self, room, FULL, timeout, C.rs_channel_send, kept, size)
    if not last then return nil, ended end
    code = last
  end
  if code >= ITEMS then follow(self, code) end
  if band(code, CODE) == OK then return true end
  return nil, why(code)
end

--- Takes the oldest item, waits for one if there is none.
--- @param timeout? number seconds; default: no limit
--- @return std.channel.Item? # or nil and 'timeout', 'stopping', 'closed'
function Channel:receive(timeout)
  check(self, 'receive')
  check_time('receive', timeout)
  local task, items = self.task, self.of.items
  if task[REFUSE] then
    task[REFUSE] = false
    return nil, 'stopping'
  end
  local code = C.rs_channel_receive(self.use, taken, others(items))
  if band(code, CODE) == EMPTY then
    if code ~= EMPTY then follow(self, code) end
    if timeout == 0 then return nil, 'timeout' end
    local last, ended = await(self, items, EMPTY, timeout, receive, taken)
    if not last then return nil, ended end
    code = last
  end
  return open_item(self, code)
end

--- Done with it: it is never delivered again.
--- @param item std.channel.Item
--- @return true? # or nil and 'not taken', 'closed'
function Channel:ack(item)
  check(self, 'ack')
  if type(item) ~= 'table' or not item.seq then
    error('channel:ack takes an item that receive gave', 2)
  end
  local code = C.rs_channel_ack(self.use, item.slot, item.seq, item.attempt)
  if code >= ITEMS then follow(self, code) end
  if band(code, CODE) == OK then return true end
  return nil, why(code)
end

function Channel:__tostring() return 'channel ' .. self.name end

local opened = setmetatable({}, { __mode = 'k' }) -- task → by name

schedule.at_finish(function(task) opened[task] = nil end)

--- Opens the channel of that name.
--- @param name string
--- @return std.Channel? channel, string? err
function M.open(name)
  if type(name) ~= 'string' then
    error('channel.open takes a name, not a ' .. type(name), 2)
  end
  local task = schedule.current()
  local own = task and opened[task]
  if own and own[name] then return own[name] end
  local of, use = channels.open(name)
  if not of then return nil, ("channel '%s': %s"):format(name, use) end
  local channel = { name = name, task = task, use = use, of = of }
  setmetatable(channel, Channel)
  opened[task] = opened[task] or {}
  opened[task][name] = channel
  return channel
end

return M
