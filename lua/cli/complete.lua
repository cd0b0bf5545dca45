--- runsmith __complete WORD...: what the last word, which may be empty, could become;
--- a line each, a tab before what it means. ':files' and ':folders': the shell knows.
local client = require 'runsmith.client'
local commands = require 'cli.commands'
local terminal = require 'cli.terminal'
local uv = require 'luv'

local FILES = { FILE = ':files', DIR = ':folders', PATH = ':files' }
local KINDS = { -- of journal entries
  'boot', 'collateral', 'completed', 'dropped', 'escalated', 'exited', 'killed', 'log',
  'output', 'probe', 'ready', 'reload', 'restart', 'start', 'started', 'stop',
  'transition', 'violation',
}

local function add(out, word, doc)
  out[#out + 1] = { word = word, doc = doc or '' }
end

local function add_units(out, given)
  local host = client.connect(given.socket)
  local root = host and host:request 'status'
  local function each(unit)
    add(out, terminal.clean(unit.path), unit.health)
    for _, child in ipairs(unit.children or {}) do
      each(child)
    end
  end
  if root then each(root) end
  if host then host:close() end
  uv.run 'nowait' -- what was closed has to be gone before the Lua state is
end

-- What may stand for an option's value.
local function add_values(out, option, prefix)
  local what = option[2]
  local words = what:find '|' and what
    or option[1] == 'kind' and table.concat(KINDS, '|')
  for word in (words or ''):gmatch '[^|]+' do
    add(out, prefix .. word)
  end
  if FILES[what] and prefix == '' then add(out, FILES[what]) end
end

local function option_of(command, name)
  for _, option in ipairs(command.options or {}) do
    if option[1] == name then return option end
  end
end

-- The words before the last: options and their values, how many arguments, and the
-- option whose value the last word is.
local function read(command, words)
  local given, count, open, only_words = {}, 0, nil, false
  for i = 2, #words - 1 do
    local word = words[i]
    local name, value = word:match '^%-%-([^=]+)=?(.*)$'
    if open and word ~= '=' then
      given[open[1]], open = word, nil
    elseif word == '--' then
      only_words = true
    elseif name and not only_words then
      local option = option_of(command, name)
      given[name] = value
      if option and option[2] and value == '' then open = option end
    elseif word ~= '=' then
      count = count + 1
    end
  end
  return given, count, open, only_words
end

local function add_options(out, command, given)
  for _, option in ipairs(command.options or {}) do
    if not given[option[1]] then add(out, '--' .. option[1], option[3]) end
  end
  add(out, '--help', 'what it takes')
end

local function add_argument(out, command, place, given)
  local arg = (command.args or {})[place]
  if not arg then return end
  if arg[1] == 'PATH' then return add_units(out, given) end
  for _, word in ipairs(arg.words or {}) do
    add(out, word)
  end
  if FILES[arg[1]] then add(out, FILES[arg[1]]) end
end

local function add_commands(out)
  for _, command in ipairs(commands.all()) do
    add(out, command.name, command.summary)
  end
end

local function candidates(words)
  local out, last = {}, words[#words] or ''
  local command = commands.find(words[1] or '')
  if #words <= 1 or words[1] == 'help' then
    add_commands(out)
    if #words <= 1 then add(out, 'help', 'what a command takes') end
  elseif command then
    local given, count, open, only_words = read(command, words)
    local name = last:match '^%-%-([^=]+)='
    local option = name and option_of(command, name)
    if last == '=' then last = '' end
    if open then
      add_values(out, open, '')
    elseif option and option[2] then
      add_values(out, option, '--' .. name .. '=')
    elseif last:sub(1, 1) == '-' and not only_words then
      add_options(out, command, given)
    else
      add_argument(out, command, count + 1, given)
    end
  end
  return out, last
end

return function(argv)
  local out, last = candidates(argv)
  for _, item in ipairs(out) do
    local is_file = item.word:sub(1, 1) == ':'
    if is_file or item.word:sub(1, #last) == last then
      local doc = item.doc ~= '' and '\t' .. item.doc or ''
      io.stdout:write(item.word, doc, '\n')
    end
  end
  return 0
end
