--- The smallest scheduler that serves the runner's specs: START's text is the worker.
local host = require 'runsmith.host'

local M = {}

local tasks, by_slot, ready = {}, {}, {}
local closing = false
local up, why = host.up, host.why

local function finish(task, reason, text)
  host.put(up.EXIT, task.id, reason, 0, tostring(text):sub(1, 8000))
  host.close(task.id)
  tasks[task.id] = nil
  by_slot[task.slot] = nil
end

local function settle(task, how, a, b)
  if how == 'yield' then
    if a == 'sleep' then return host.timer(task.id, host.now() + b) end
    if a ~= 'wait' then ready[#ready + 1] = task end
    return
  end
  if how == 'done' then return finish(task, why.OK, a) end
  if how == 'error' then return finish(task, why.EXCEPTION, a .. '\n' .. b) end
  return finish(task, why.INTERRUPTED, a)
end

local function go(task, ...) settle(task, host.resume(task.id, task.co, ...)) end

local commands = {}

commands[host.down.START] = function(slot, inc, _, _, text)
  local task = { id = host.open(slot, inc), slot = slot }
  tasks[task.id], by_slot[slot] = task, task
  local fn, mistake = loadstring(text, '=worker')
  if not fn then return finish(task, why.LAUNCH, mistake) end
  task.co = coroutine.create(fn)
  ready[#ready + 1] = task
end

commands[host.down.END] = function(slot)
  local task = by_slot[slot]
  if not task then return end
  host.arm(task.id)
  go(task)
end

commands[host.down.ASK] = function(slot)
  if by_slot[slot] then go(by_slot[slot], 'stopping') end
end

commands[host.down.CLOSE] = function() closing = true end

commands[host.down.EVAL] = function(_, _, id, _, text)
  local ok, answer = pcall(loadstring(text))
  host.put(up.REPLY, nil, id, ok and 1 or 0, tostring(answer))
end

local function turn()
  for kind, slot, inc, a, b, text in host.receive do
    commands[kind](slot, inc, a, b, text)
  end
  for id in host.expired do
    ready[#ready + 1] = tasks[id]
  end
  local now = ready
  ready = {}
  for _, task in ipairs(now) do
    if tasks[task.id] == task then go(task) end
  end
  if closing then return 'close' end
  if #ready > 0 then return 'again' end
end

function M.run() host.loop(turn) end

return M
