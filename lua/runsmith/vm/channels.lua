--- The channels of a VM: who waits for an item or for room, and the bells that tell of
--- either. The items lie in memory that runners share; the calls into it never wait.
---
--- A bell is watched only while somebody here waits. What this VM's own workers do for
--- each other needs no bell.

local abi = require 'runsmith.abi'
local commands = require 'runsmith.vm.commands'
local ffi = require 'ffi'
local host = require 'runsmith.host'
local owned = require 'runsmith.vm.owned'
local schedule = require 'runsmith.vm.schedule'

local T = require 'runsmith.vm.task'
local ID = T.ID

local M = {}

local C = abi.C
local new_use = ffi.typeof 'rs_channel_use'
local ITEMS, ROOM = 0, 1
local PROBES = 4 -- RS_PLACE_PROBES

--- Those who wait for one thing in one channel, the longest waiting first.
--- @class runsmith.Queue
--- @field which 0|1 items or room
--- @field use ffi.cdata* any use of the channel by this VM
--- @field first integer
--- @field last integer
--- @field count integer
--- @field handle? any a poll of luv's
--- @field active boolean the bell is watched
local Queue = {}
Queue.__index = Queue

local function new_queue(use, which)
  return setmetatable(
    { which = which, use = use, first = 1, last = 0, count = 0, active = false },
    Queue
  )
end

--- The next who waits looks again; `woken` tells it that the bell was readable.
--- @param woken boolean
--- @return boolean? # nil: nobody does
function Queue:wake(woken)
  while self.first <= self.last do
    local ticket = self[self.first]
    self[self.first] = nil
    self.first = self.first + 1
    if ticket then
      self.count = self.count - 1
      if schedule.wake(ticket, 'look', woken) then return true end
    end
  end
end

function Queue:rest()
  if not self.active then return end
  self.active = false
  owned.luv().poll_stop(self.handle)
  C.rs_channel_polls(self.use, self.which, -1)
end

--- Watches the bell from now on. To be called before the channel is told that someone
--- waits.
function Queue:watch()
  if self.active then return end
  local uv = owned.luv()
  if not self.handle then
    self.handle = assert(uv.new_poll(C.rs_channel_bell(self.use, self.which)))
  end
  self.active = true
  C.rs_channel_polls(self.use, self.which, 1)
  uv.poll_start(self.handle, 'r', function()
    if not self:wake(true) then self:rest() end
  end)
end

--- Waits for a turn: true and whether the bell was readable; or nil and why not.
--- @param seconds? number
function Queue:wait(seconds)
  local ticket = schedule.ticket()
  local place = self.last + 1
  self[place], self.last, self.count = ticket, place, self.count + 1
  local how, why = schedule.suspend(ticket, seconds)
  if how == 'look' then return true, why end
  if self[place] == ticket then
    self[place], self.count = false, self.count - 1
  end
  return nil, why
end

--- A channel of this VM's.
--- @class runsmith.Channel
--- @field pointer ffi.cdata*
--- @field vm integer
--- @field items runsmith.Queue
--- @field room runsmith.Queue
--- @field told number when what it lost was told last
--- @field dropped integer not told yet
--- @field rejected boolean not told yet

local channels = {} -- by number
local waiting, last_request = {}, 0 -- requests for the engine

commands.on(host.down.CHANNEL, function(_, text, request, good)
  local ticket = waiting[request]
  waiting[request] = nil
  if ticket then schedule.wake(ticket, good == 1, text) end
end)

local function ask(task, name)
  last_request = last_request % 2 ^ 31 + 1
  local ticket = schedule.ticket()
  waiting[last_request] = ticket
  host.put(host.up.CHANNEL, task[ID], last_request, 0, name)
  return schedule.hold(ticket)
end

local function channel_of(number)
  local found = channels[number]
  if found then return found end
  local pointer = C.rs_channel_attached(number)
  if pointer == nil then return nil end
  local vm = C.rs_channel_vm(pointer)
  local use = new_use(pointer, vm, 0, 0)
  found = {
    pointer = pointer, vm = vm, items = new_queue(use, ITEMS),
    room = new_queue(use, ROOM), told = -math.huge, dropped = 0, rejected = false,
  }
  channels[number] = found
  return found
end

--- Opens the channel of that name that the running worker sees.
--- @param name string
--- @return runsmith.Channel? channel, ffi.cdata*|string use_or_why
function M.open(name)
  if host.place() == PROBES then return nil, 'probes see no channels' end
  local task = schedule.current()
  if not task then error('only a worker opens a channel', 3) end
  local good, text = ask(task, name)
  if not good then return nil, text end
  local number, user, gen = text:match '^(%d+) (%d+) (%d+)$'
  local channel = channel_of(tonumber(number))
  if not channel then return nil, 'no memory for it' end
  return channel, new_use(channel.pointer, channel.vm, tonumber(user), tonumber(gen))
end

return M
