--- runsmith lifecycle: a worker's states, for people, for Mermaid or for Graphviz.
local abi = require 'runsmith.abi'
local evaluate = require 'runsmith.tree.evaluate'
local options = require 'cli.options'
local show_mistakes = require 'cli.mistakes'
local terminal = require 'cli.terminal'
local suggest = require 'runsmith.tree.suggest'

local C = abi.C
local ENDS = { [C.RS_ENDS_OK] = 'ok', [C.RS_ENDS_ERROR] = 'error' }

local function read(view, life)
  local states = {}
  for i = 0, life.state_count - 1 do
    local row = view.state[life.state_at + i]
    local state = { name = view:bytes(row.name), edges = {}, notes = {} }
    local function note(name, time)
      local number = abi.seconds(time)
      if number > 0 and number < math.huge then
        state.notes[#state.notes + 1] = name .. ' ' .. terminal.seconds(number)
      end
    end
    note('timeout', row.timeout)
    note('heartbeat', row.heartbeat)
    note('every', row.every)
    if row.ready == 1 then state.notes[#state.notes + 1] = 'ready' end
    state.ends = ENDS[row.ends]
    if state.ends then state.notes[#state.notes + 1] = 'ends ' .. state.ends end
    for j = 0, row.edge_count - 1 do
      local edge = view.edge[row.edge_at + j]
      local timeout = abi.seconds(edge.timeout)
      state.edges[j + 1] = {
        event = view:bytes(edge.event),
        to = view:bytes(view.state[life.state_at + edge.to].name),
        timeout = timeout < math.huge and timeout or nil,
      }
    end
    states[i + 1] = state
  end
  return states
end

local function label(edge)
  if not edge.timeout then return edge.event end
  return ('%s (%s)'):format(edge.event, terminal.seconds(edge.timeout))
end

local FORMATS = {}

function FORMATS.text(states)
  local paint = terminal.painter(1)
  local lines = {}
  for _, state in ipairs(states) do
    local notes = table.concat(state.notes, ', ')
    if notes ~= '' then notes = '  ' .. paint('grey', notes) end
    lines[#lines + 1] = paint('bold', state.name) .. notes
    for _, edge in ipairs(state.edges) do
      lines[#lines + 1] = ('  %s → %s'):format(label(edge), edge.to)
    end
  end
  return lines
end

-- Mermaid's ids are words; names may have dots and dashes.
local function ids(states)
  local by_name = {}
  for i, state in ipairs(states) do
    by_name[state.name] = state.name:find '^[%a_][%w_]*$' and state.name or 's' .. i
  end
  return by_name
end

function FORMATS.mermaid(states)
  local id = ids(states)
  local lines = { 'stateDiagram-v2' }
  for _, state in ipairs(states) do
    if id[state.name] ~= state.name then
      lines[#lines + 1] = ('  state "%s" as %s'):format(state.name, id[state.name])
    end
  end
  lines[#lines + 1] = '  [*] --> ' .. id[states[1].name]
  for _, state in ipairs(states) do
    for _, edge in ipairs(state.edges) do
      lines[#lines + 1] = ('  %s --> %s: %s'):format(
        id[state.name],
        id[edge.to],
        label(edge)
      )
    end
    if state.ends then lines[#lines + 1] = ('  %s --> [*]'):format(id[state.name]) end
    if #state.notes > 0 and not state.ends then
      lines[#lines + 1] = ('  note right of %s: %s'):format(
        id[state.name],
        table.concat(state.notes, ', ')
      )
    end
  end
  return lines
end

function FORMATS.dot(states)
  local lines = {
    'digraph lifecycle {',
    '  rankdir = LR',
    '  "" [shape = point]',
    ('  "" -> "%s"'):format(states[1].name),
  }
  for _, state in ipairs(states) do
    local text = table.concat({ state.name, unpack(state.notes) }, '\\n')
    lines[#lines + 1] = ('  "%s" [label = "%s", shape = %s]'):format(
      state.name,
      text,
      state.ends and 'doublecircle' or 'box'
    )
    for _, edge in ipairs(state.edges) do
      lines[#lines + 1] = ('  "%s" -> "%s" [label = "%s"]'):format(
        state.name,
        edge.to,
        label(edge)
      )
    end
  end
  lines[#lines + 1] = '}'
  return lines
end

local function is_template(view, row)
  return bit.band(view.spec[view.unit[row].spec].flags, C.RS_TEMPLATE) ~= 0
end

-- A unit's row, or that of the template by which a pool would make it.
local function find_row(view, path)
  local row = view:find(path)
  local above = path:match '^(.+)/[^/]+$'
  local parent = not row and above and view:find(above)
  for i = 0, parent and view.count.unit - 1 or -1 do
    if view.unit[i].parent == parent and is_template(view, i) then row = i end
  end
  return row
end

local function find_life(view, path)
  local row = find_row(view, path)
  if not row then
    local paths = {}
    for i = 0, math.min(view.count.unit, 1000) - 1 do
      if not is_template(view, i) then paths[#paths + 1] = view:path(i) end
    end
    return nil,
      ("there is no unit '%s': %s"):format(
        path,
        suggest.hint(path, paths, 'runsmith check FILE shows them')
      )
  end
  local life = view.spec[view.unit[row].spec].life
  if life == abi.NONE then return nil, ("'%s' is no Lua worker"):format(path) end
  return view.life[life]
end

return {
  name = 'lifecycle',
  summary = "show a worker's states and transitions",
  args = { { 'FILE', 'the tree script' }, { 'PATH', "the worker's path" } },
  options = {
    {
      'format',
      'text|mermaid|dot',
      'what for',
      'text',
      options.one_of('text', 'mermaid', 'dot'),
    },
  },
  run = function(given)
    local bytes, mistakes = evaluate.spawn(given.FILE, { command = given.command })
    if not bytes then
      show_mistakes(mistakes)
      return 1
    end
    local view = abi.view(bytes)
    local life, why = find_life(view, given.PATH)
    if not life then
      io.stderr:write(('runsmith lifecycle: %s\n'):format(why))
      return 1
    end
    local lines = FORMATS[given.format](read(view, life))
    io.stdout:write(table.concat(lines, '\n'), '\n')
    return 0
  end,
}
