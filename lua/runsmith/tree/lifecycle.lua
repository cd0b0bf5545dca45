--- A worker's lifecycle: rows as the definition writes them → checked states and edges.
local suggest = require 'runsmith.tree.suggest'
local types = require 'runsmith.tree.types'

local M = {}

local show = types.show
local POSITIVE = types.seconds { above = 0 }

--- @class runsmith.LifeEdge
--- @field event string
--- @field to integer the target's place, counted from 1
--- @field timeout number math.huge: none

--- @class runsmith.LifeState
--- @field name string
--- @field timeout number math.huge: none
--- @field heartbeat number math.huge: none
--- @field every number 0: none
--- @field ready boolean
--- @field ends string|false 'ok' or 'error'
--- @field edges runsmith.LifeEdge[] sorted by event

--- @class runsmith.Life
--- @field states runsmith.LifeState[] the first is where it starts
--- @field index table<string, integer>

--- What a definition without `lifecycle` has.
M.DEFAULT = {
  {
    'starting',
    timeout = 10,
    on = { run = { 'running', timeout = 1 }, error = 'crashed' },
  },
  {
    'running',
    heartbeat = 2,
    on = { complete = { 'terminating', timeout = 1 }, error = 'crashed' },
  },
  {
    'terminating',
    timeout = 10,
    on = { complete = { 'stopped', timeout = 1 }, error = 'crashed' },
  },
  { 'stopped', ends = 'ok' },
  { 'crashed', ends = 'error' },
}

--- What a task, a `run` that is a function, has.
M.TASK = {
  { 'running', ready = true, on = { complete = 'stopped', error = 'crashed' } },
  { 'stopped', ends = 'ok' },
  { 'crashed', ends = 'error' },
}

--- Fields of a definition that are not states.
M.HOOKS = { enter = true, leave = true, before_exit = true, migrate = true }
M.RESERVED = {
  enter = true,
  leave = true,
  before_exit = true,
  migrate = true,
  lifecycle = true,
  init = true,
}

--- A row's fields besides its name.
M.ROW = {
  { 'timeout', POSITIVE, nil, 'seconds that the whole stay may last' },
  { 'heartbeat', POSITIVE, nil, 'seconds of the longest silence' },
  { 'every', POSITIVE, nil, 'seconds from one call of its function to the next' },
  { 'on', types.table, nil, 'event = state or { state, timeout = seconds }' },
  { 'ready', types.boolean, nil, 'the unit counts as ready here' },
  { 'ends', types.enum('ok', 'error'), nil, 'it is terminal' },
}
local ROW_FIELDS, TIMEOUTS = {}, {}
for _, field in ipairs(M.ROW) do
  ROW_FIELDS[field[1]] = field[2]
end
for _, name in ipairs { 'timeout', 'heartbeat', 'every' } do
  TIMEOUTS[name] = ROW_FIELDS[name]
end

local function read_target(label, target, wrong)
  local to, timeout = target, nil
  if type(target) == 'table' then
    to, timeout = target[1], target.timeout
    for key in pairs(target) do
      if key ~= 1 and key ~= 'timeout' then
        local text = '%s has the key %s; it must be { state, timeout = seconds }'
        wrong(text:format(label, show(key)))
      end
    end
    if timeout ~= nil then POSITIVE.check(timeout, label .. '.timeout', wrong) end
  end
  if type(to) ~= 'string' then
    wrong(
      ('%s is %s; it must be a state or { state, timeout = seconds }'):format(
        label,
        show(to)
      )
    )
    return nil
  end
  return to, type(timeout) == 'number' and timeout or math.huge
end

-- A state with an edge that cannot be read is `broken`: its graph is not looked at.
local function read_edges(state, on, report)
  local function wrong(message)
    state.broken = true
    report(message)
  end
  for event, target in pairs(type(on) == 'table' and on or {}) do
    local label = ('state %s: on.%s'):format(state.name, tostring(event))
    if type(event) ~= 'string' or not event:find '^[%w_.-]+$' then
      wrong(('state %s: the event %s must be a word'):format(state.name, show(event)))
    elseif event == 'keepalive' then
      wrong(
        ("%s: 'keepalive' is no event; it says that the state goes on"):format(label)
      )
    else
      local to, timeout = read_target(label, target, wrong)
      local edges = state.edges
      if to then
        edges[#edges + 1] = { event = event, target = to, timeout = timeout }
      end
    end
  end
  table.sort(state.edges, function(a, b) return a.event < b.event end)
end

local function read_fields(label, row, wrong)
  for key, value in pairs(row) do
    local kind = ROW_FIELDS[key]
    if kind then
      kind.check(value, label .. key, wrong)
    elseif key ~= 1 then
      local hint = suggest.hint(key, ROW_FIELDS)
      wrong(("%sunknown field '%s': %s"):format(label, tostring(key), hint))
    end
  end
  if not row.ends then return end
  if row.on ~= nil then
    wrong(label .. 'it ends, so it has no `on`; take one of the two away')
  end
  for _, field in ipairs { 'timeout', 'heartbeat', 'every', 'ready' } do
    if row[field] then
      wrong(('%sit ends, so %s means nothing; take it away'):format(label, field))
    end
  end
end

local function seconds(value, none) return type(value) == 'number' and value or none end

local function read_row(i, row, wrong)
  if type(row) ~= 'table' then
    return wrong(
      ('lifecycle[%d] is %s; it must be a row { name, … }'):format(i, show(row))
    )
  end
  local name = row[1]
  if type(name) ~= 'string' or not name:find '^[%w_.-]+$' then
    return wrong(
      ('lifecycle[%d]: the name %s must be of letters, digits, _ . -'):format(
        i,
        show(name)
      )
    )
  end
  if M.RESERVED[name] then
    wrong(
      ("lifecycle[%d]: '%s' has a meaning of its own; take another name"):format(
        i,
        name
      )
    )
  end
  read_fields('state ' .. name .. ': ', row, wrong)
  local state = {
    name = name,
    edges = {},
    ends = row.ends or false,
    given_ready = row.ready,
    timeout = seconds(row.timeout, math.huge),
    every = seconds(row.every, 0),
    heartbeat = seconds(row.heartbeat, math.huge),
  }
  read_edges(state, row.on, wrong)
  return state
end

local function mark_ready(states)
  local given, beating = false, false
  for _, state in ipairs(states) do
    given = given or state.given_ready ~= nil
    beating = beating or state.heartbeat < math.huge
  end
  for i, state in ipairs(states) do
    if given then
      state.ready = state.given_ready == true
    elseif beating then
      state.ready = state.heartbeat < math.huge
    else
      state.ready = i > 1 and not state.ends
    end
    state.given_ready = nil
  end
end

local function spread(states, from, forwards)
  local reached, todo = {}, {}
  for _, i in ipairs(from) do
    reached[i], todo[#todo + 1] = true, i
  end
  while #todo > 0 do
    local at = table.remove(todo)
    for i, state in ipairs(states) do
      for _, edge in ipairs(state.edges) do
        local a, b = forwards and i or edge.to, forwards and edge.to or i
        if a == at and b and not reached[b] then
          reached[b], todo[#todo + 1] = true, b
        end
      end
    end
  end
  return reached
end

local function check_graph(states, wrong)
  local ends = {}
  for i, state in ipairs(states) do
    if state.ends then ends[#ends + 1] = i end
    for _, edge in ipairs(state.edges) do
      if edge.to == 1 then
        wrong(
          (
            'state %s: on.%s leads back to %s; the first state is entered once, at the '
            .. 'start: put a state before it'
          ):format(state.name, edge.event, states[1].name)
        )
      end
    end
  end
  if states[1].ends then
    return wrong(
      ('state %s: the first state cannot end; put one before it'):format(states[1].name)
    )
  end
  if #ends == 0 then
    return wrong "no state ends; add one with ends = 'ok' or ends = 'error'"
  end
  local from_start, to_end = spread(states, { 1 }, true), spread(states, ends, false)
  for i, state in ipairs(states) do
    if not from_start[i] then
      wrong(
        ('state %s: it is not reached from %s; give it an edge or take it away'):format(
          state.name,
          states[1].name
        )
      )
    elseif not to_end[i] then
      wrong(
        ('state %s: no state that ends can be reached from it; give it an edge'):format(
          state.name
        )
      )
    end
  end
end

local function link(states, index, wrong)
  local good = true
  for _, state in ipairs(states) do
    for _, edge in ipairs(state.edges) do
      edge.to = index[edge.target]
      if not edge.to then
        good = false
        wrong(
          ('state %s: on.%s leads to %s, which is no state: %s'):format(
            state.name,
            edge.event,
            show(edge.target),
            suggest.hint(edge.target, index)
          )
        )
      end
      edge.target = nil
    end
  end
  return good
end

--- Reads a lifecycle's rows.
--- @param rows table
--- @param wrong fun(message: string) called for each mistake
--- @return runsmith.Life? life nil after a mistake
--- @return runsmith.Life? partial after a mistake, if each row has a name
function M.read(rows, wrong)
  local good = true
  local function bad(message)
    good = false
    wrong(message)
  end
  if type(rows) ~= 'table' or #rows == 0 then
    return bad(
      ('lifecycle is %s; it must be a list of rows { name, … }'):format(
        type(rows) == 'table' and 'empty' or show(rows)
      )
    )
  end
  local count = 0
  for _ in ipairs(rows) do
    count = count + 1
  end
  for key in pairs(rows) do
    if type(key) ~= 'number' or key > count or key < 1 or key % 1 ~= 0 then
      bad(
        ('lifecycle has the key %s; it must be a list of rows, without holes'):format(
          show(key)
        )
      )
    end
  end
  local states, index = {}, {}
  for i, row in ipairs(rows) do
    local state = read_row(i, row, bad)
    if state then
      states[#states + 1] = state
      if index[state.name] then
        state.broken = true
        bad(('state %s: it is there twice; names are unique'):format(state.name))
      end
      index[state.name] = #states
    end
  end
  local named = #states == #rows and { states = states, index = index }
  local whole = named
  for _, state in ipairs(states) do
    whole = whole and not state.broken
    state.broken = nil
  end
  if link(states, index, bad) and whole then check_graph(states, bad) end
  if not good then return nil, named or nil end
  mark_ready(states)
  return { states = states, index = index }
end

--- A copy of a lifecycle with some timeouts replaced.
--- @param life runsmith.Life
--- @param changes table<string, table> by state's name
--- @param wrong fun(message: string)
--- @return runsmith.Life
function M.override(life, changes, wrong)
  local states = {}
  for i, state in ipairs(life.states) do
    states[i] = {}
    for key, value in pairs(state) do
      states[i][key] = value
    end
  end
  for name, change in pairs(changes) do
    local at = life.index[name]
    if not at then
      wrong(
        ('lifecycle.%s: no such state: %s'):format(
          tostring(name),
          suggest.hint(name, life.index)
        )
      )
    elseif type(change) ~= 'table' then
      wrong(
        ('lifecycle.%s is %s; it must be a table such as { heartbeat = 5 }'):format(
          name,
          show(change)
        )
      )
    elseif life.states[at].ends then
      wrong(('lifecycle.%s: that state ends; it has no timeouts'):format(name))
    else
      for key, value in pairs(change) do
        local label = ('lifecycle.%s.%s'):format(name, tostring(key))
        if not TIMEOUTS[key] then
          wrong(
            ('%s: only timeouts can be given here: %s'):format(
              label,
              suggest.hint(key, TIMEOUTS)
            )
          )
        else
          TIMEOUTS[key].check(value, label, wrong)
          if type(value) == 'number' then states[at][key] = value end
        end
      end
    end
  end
  return { states = states, index = life.index }
end

return M
