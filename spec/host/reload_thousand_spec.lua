-- A thousand units of all backends: a reload that changes one line touches one of them,
-- the others keep process, incarnation, counters and what they have in memory.

local assert = require 'luassert'
local control = require 'host.support.control'
local harness = require 'host.support.harness'
local json = require 'cjson'

local COUNT, PIPELINED = 1000, 48

local WORKER = [[
local worker = require 'runsmith.worker'
local time = require 'std.time'
return worker.define {
  starting = function(self, ctx)
    self.mark, self.steps = tostring(self) .. tostring(ctx), 0
    ctx.data = { mark = self.mark }
    return 'run'
  end,
  running = function(self, ctx)
    if ctx.stopping then return 'complete' end
    self.steps = self.steps + 1
    time.sleep(0.4)
    return 'keepalive'
  end,
}
]]

local TREE = [[
local rs = require 'runsmith'
local uv = require 'luv'
local time = require 'std.time'
rs.backend 'daemon' {
  start = function(unit)
    local _, pid = assert(uv.spawn('sleep', { args = { '1000' }, detached = true }))
    unit:ready()
    return { pid = pid }
  end,
  stop = function(_, handle) uv.kill(handle.pid, 'sigterm') end,
  kill = function(_, handle) uv.kill(handle.pid, 'sigkill') end,
  wait = function(_, handle)
    while uv.kill(handle.pid, 0) == 0 do
      time.sleep(0.1)
    end
    return 'ok'
  end,
}
local groups = {}
for g = 1, 10 do
  local group = { isolate = g > 5, vms = g > 5 and g %% 3 + 1 or nil }
  for i = 1, 100 do
    local name = ('u%%d'):format(i)
    local args = (g == 3 and i == 7) and %s or 0
    local backend = i <= 4 and 'thread' or i <= 8 and 'process' or i <= 10 and 'daemon'
    if i == 11 or i == 12 then
      group[i] = rs.command(name) { exec = { 'sleep', '1000' } }
    else
      group[i] = rs.worker(name) {
        run = 'member', args = { args }, backend = backend or 'coroutine',
        probes = (g == 4 and i %% 25 == 0) and {
          rs.probe.lua {
            every = 0.05, action = 'warn', check = function() return false, '%s' end,
          },
        } or nil,
      }
    end
  end
  groups[g] = rs.supervisor(('g%%d'):format(g))(group)
end
return rs.supervisor 'plant' (groups)
]]

local function tree(args, said) return TREE:format(args, said) end

local function look(client)
  local units = {}
  local function visit(unit)
    units[unit.path] = unit
    for _, child in ipairs(unit.children or {}) do
      visit(child)
    end
  end
  visit(client:ask({ op = 'status' }).result)
  return units
end

-- What each Lua worker has in its memory, by path: its mark, and how often it stepped.
local function inside(client, units)
  local paths, found = {}, {}
  for path, unit in pairs(units) do
    local is_lua = unit.kind == 'worker' and unit.backend ~= 'daemon'
    if is_lua then paths[#paths + 1] = path end
  end
  for at = 1, #paths, PIPELINED do
    local last = math.min(#paths, at + PIPELINED - 1)
    for i = at, last do
      client:send(json.encode {
        id = i, op = 'eval', path = paths[i], timeout = 20,
        lua = "self.mark .. ' ' .. ctx.data.mark .. ' ' .. self.steps",
      } .. '\n')
    end
    for _ = at, last do
      local answer = assert(client:object())
      assert.is_true(answer.ok, answer.error and answer.error.message)
      found[paths[answer.id]] = answer.result.value
    end
  end
  return found
end

local function check_same(before, after, except)
  local same = 0
  for path, was in pairs(before) do
    local is = assert(after[path], path)
    if path ~= except then
      same = same + 1
      assert.same({ was.pid, was.incarnation, was.restarts, was.state, was.health },
        { is.pid, is.incarnation, is.restarts, is.state, is.health }, path)
      assert.is_true(is.uptime >= was.uptime, path)
    end
  end
  return same
end

local function check_inside(before, after, except)
  local kept = 0
  for path, was in pairs(before) do
    if path ~= except then
      local mark, steps = was:match '^"?(.-) (%d+)"?$'
      local now, later = after[path]:match '^"?(.-) (%d+)"?$'
      assert.equal(mark, now, path)
      assert.is_true(tonumber(later) >= tonumber(steps), path)
      kept = kept + 1
    end
  end
  return kept
end

describe('a reload of a thousand units', function()
  after_each(harness.sweep)

  it('touches the one that changed; a changed probe touches none', function()
    local files = { ['tree.lua'] = tree('1', 'one'), ['member.lua'] = WORKER }
    local host = harness.start { files = files }
    local ready = host:wait_for({ kind = 'ready', unit = 'plant' }, nil, 60)
    local client = control.open(host)
    local before = look(client)
    local had = inside(client, before)

    host:write('tree.lua', tree('2', 'one'))
    local done = client:ask({ op = 'reload' }).result
    assert.same({ 0, 0, 1, COUNT + 10 },
      { done.added, done.removed, done.changed, done.unchanged })
    host:wait_for({ kind = 'ready', unit = 'plant/g3/u7', incarnation = 1 }, ready)
    local after = look(client)
    assert.equal(1, after['plant/g3/u7'].incarnation)
    assert.equal(COUNT - 1 + 11, check_same(before, after, 'plant/g3/u7'))
    local has = inside(client, after)
    assert.equal(COUNT - 40 - 1, check_inside(had, has, 'plant/g3/u7'))

    host:write('tree.lua', tree('2', 'two'))
    done = client:ask({ op = 'reload' }).result
    assert.same({ 0, 0, 0, COUNT + 11 },
      { done.added, done.removed, done.changed, done.unchanged })
    host:wait_for({ kind = 'probe', unit = 'plant/g4/u25', detail = 'two' }, ready)
    assert.equal(COUNT + 11, check_same(after, look(client)))
    assert.equal(COUNT - 40, check_inside(has, inside(client, after)))
    client:close()
    host:finish()
  end)
end)
