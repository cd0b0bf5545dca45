-- Lifecycles: what is valid, what is told of what is not, and what they compile to.

local abi = require 'runsmith.abi'
local assert = require 'luassert'
local lifecycle = require 'runsmith.tree.lifecycle'
local scripts = require 'lua.scripts'

local OK, BAD = { 'ok', ends = 'ok' }, { 'bad', ends = 'error' }

local RULES = { -- rows, the one mistake
  { 3, 'lifecycle is 3; it must be a list of rows' },
  { {}, 'lifecycle is empty' },
  { { { 'a', on = { go = 'ok' } }, OK, 5 }, 'lifecycle[3] is 5' },
  { { { 'a b', on = { go = 'ok' } }, OK }, "the name 'a b' must be of letters" },
  { { { 'leave', on = { go = 'ok' } }, OK }, "'leave' has a meaning of its own" },
  { { { 'init', on = { go = 'ok' } }, OK }, "'init' has a meaning of its own" },
  { { { 'a', on = { go = 'ok' } }, OK, OK }, 'state ok: it is there twice' },
  {
    { { 'a', on = { go = 'okk' } }, OK },
    "'okk', which is no state: did you mean 'ok'?",
  },
  { { { 'a', on = { go = 3 } }, OK }, 'on.go is 3; it must be a state or' },
  { { { 'a', on = { go = { 'ok', timout = 1 } } }, OK }, "on.go has the key 'timout'" },
  { { { 'a', on = { go = { 'ok', timeout = 0 } } }, OK }, 'on.go.timeout is 0' },
  { { { 'a', on = { keepalive = 'ok' } }, OK }, "'keepalive' is no event" },
  { { { 'a', timeout = 0, on = { go = 'ok' } }, OK }, 'state a: timeout is 0' },
  { { { 'a', hartbeat = 1, on = { go = 'ok' } }, OK }, "did you mean 'heartbeat'?" },
  { { { 'a', on = { go = 'ok' } }, { 'ok', ends = 'fine' } }, "ends is 'fine'" },
  {
    { { 'a', on = { go = 'ok' } }, { 'ok', ends = 'ok', timeout = 1 } },
    'it ends, so timeout means nothing',
  },
  { { { 'a', on = { go = 'ok' } }, { 'ok', ends = 'ok', on = {} } }, 'it has no `on`' },
  { { { 'a', ends = 'ok' } }, 'state a: the first state cannot end' },
  {
    { { 'a', on = { go = 'b' } }, { 'b', on = { back = 'a', go = 'ok' } }, OK },
    'state b: on.back leads back to a; the first state is entered once',
  },
  {
    { { 'a', on = { go = 'ok' } }, OK, BAD },
    'state bad: it is not reached from a',
  },
  {
    { { 'a', on = { go = 'ok', err = 'b' } }, { 'b', on = { again = 'b' } }, OK },
    'state b: no state that ends can be reached from it',
  },
  {
    { { 'a', on = { go = 'b' } }, { 'b', on = { again = 'b' } } },
    'no state ends; add one',
  },
}

local function read(rows)
  local mistakes = {}
  local life = lifecycle.read(
    rows,
    function(message) mistakes[#mistakes + 1] = message end
  )
  return life, mistakes
end

local function ready(rows)
  local names = {}
  for _, state in ipairs(read(rows).states) do
    if state.ready then names[#names + 1] = state.name end
  end
  return names
end

describe('a lifecycle that breaks one rule has one mistake:', function()
  for _, rule in ipairs(RULES) do
    it(rule[2], function()
      local life, mistakes = read(rule[1])
      assert.is_nil(life)
      assert.equal(1, #mistakes, table.concat(mistakes, '\n'))
      assert.truthy(mistakes[1]:find(rule[2], 1, true), mistakes[1])
    end)
  end
end)

describe('ready are', function()
  it(
    'the states that say so',
    function()
      assert.same(
        { 'c' },
        ready {
          { 'a', on = { go = 'b' } },
          { 'b', heartbeat = 1, on = { go = 'c' } },
          { 'c', ready = true, on = { go = 'ok' } },
          OK,
        }
      )
    end
  )

  it(
    'else those with a heartbeat',
    function()
      assert.same(
        { 'b' },
        ready {
          { 'a', on = { go = 'b' } },
          { 'b', heartbeat = 1, on = { go = 'c' } },
          { 'c', on = { go = 'ok' } },
          OK,
        }
      )
    end
  )

  it(
    'else all but the first and those that end',
    function()
      assert.same(
        { 'b', 'c' },
        ready {
          { 'a', on = { go = 'b' } },
          { 'b', on = { go = 'c' } },
          { 'c', on = { go = 'ok' } },
          OK,
        }
      )
    end
  )
end)

local FUNCTIONS = { -- the definition's fields, the one mistake
  { 'polling = function() end', "'polling' is no state" },
  { 'a = 3', 'a is 3; a state has a function' },
  { 'ok = function() end', 'state ok ends, so nothing calls its function' },
  { 'enter = function() end', 'enter is a function; it must be a table' },
  { 'enter = { aa = print }', "enter.aa: no such state: did you mean 'a'?" },
  { 'leave = { a = 1 }', 'leave.a is 1; it must be a function' },
  { 'before_exit = 1', 'before_exit is 1; it must be a function' },
  { 'init = print', "'init' is reserved" },
}

describe('a definition that breaks one rule has one mistake:', function()
  local HEAD = "return rs.supervisor 'p' { rs.worker 'w' { run = worker.define { "
    .. "lifecycle = { { 'a', on = { go = 'ok' } }, { 'ok', ends = 'ok' } }, "

  for _, rule in ipairs(FUNCTIONS) do
    it(rule[2], function()
      local _, mistakes = scripts.evaluate(HEAD .. rule[1] .. ' } } }')
      assert.equal(1, #mistakes, table.concat(mistakes, '\n'))
      assert.truthy(mistakes[1]:find(rule[2], 1, true), mistakes[1])
    end)
  end

  it('a state with two events and no function', function()
    local _, mistakes =
      scripts.evaluate [[return rs.supervisor 'p' { rs.worker 'w' { run =
      worker.define { lifecycle = { { 'a', on = { go = 'ok', run = 'ok' } },
      { 'ok', ends = 'ok' } } } } }]]
    assert.equal(1, #mistakes)
    assert.truthy(mistakes[1]:find('state a has no function', 1, true), mistakes[1])
  end)
end)

describe('a compiled lifecycle', function()
  it('has its timeouts, with those that the tree gives', function()
    local view = scripts.evaluate [[return rs.supervisor 'p' {
      rs.worker 'w' { run = 'beater', lifecycle = { running = { heartbeat = 7 } } } }]]
    local life = view.life[view.spec[view.unit[1].spec].life]
    local state = view.state[life.state_at + 1]
    assert.equal('running', view:bytes(state.name))
    assert.equal(7, abi.seconds(state.heartbeat))
    assert.equal(0.5, abi.seconds(state.every))
    assert.equal(math.huge, abi.seconds(state.timeout))
    assert.equal(1, state.ready)
    local edge = view.edge[state.edge_at + 1]
    assert.equal('stop', view:bytes(edge.event))
    assert.equal(2, edge.to)
    assert.equal(1, abi.seconds(edge.timeout))
  end)

  it('without rows is the default one', function()
    local view = scripts.evaluate [[return rs.supervisor 'p' {
      rs.worker 'w' { run = worker.define { running = function() end } } }]]
    local life = view.life[view.spec[view.unit[1].spec].life]
    local names = {}
    for i = 0, life.state_count - 1 do
      names[i + 1] = view:bytes(view.state[life.state_at + i].name)
    end
    assert.same({ 'starting', 'running', 'terminating', 'stopped', 'crashed' }, names)
    assert.equal(10, abi.seconds(view.state[life.state_at].timeout))
    assert.equal(2, abi.seconds(view.state[life.state_at + 1].heartbeat))
  end)
end)
