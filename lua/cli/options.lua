--- Options and arguments of a command, read and explained from its one table:
---   { name, summary, args = { { 'FILE', doc }… }, options = { { 'socket', 'PATH', doc,
---   default, check }… }, run = function(given) return status end }
--- An option without a word for its value is a switch; an argument with `optional =
--- true` may be left out.
local suggest = require 'runsmith.tree.suggest'
local types = require 'runsmith.tree.types'

local M = {}

--- One line: how the command is called.
--- @param command table
--- @return string
function M.usage(command)
  local parts = { 'usage: runsmith ' .. command.name }
  for _, arg in ipairs(command.args or {}) do
    parts[#parts + 1] = arg.optional and '[' .. arg[1] .. ']' or arg[1]
  end
  for _, option in ipairs(command.options or {}) do
    local value = option[2] and ' ' .. option[2] or ''
    parts[#parts + 1] = ('[--%s%s]'):format(option[1], value)
  end
  return table.concat(parts, ' ') .. '\n'
end

--- The page that --help shows.
--- @param command table
--- @return string
function M.help(command)
  local lines = { M.usage(command), command.summary, '' }
  for _, arg in ipairs(command.args or {}) do
    lines[#lines + 1] = ('  %-24s %s'):format(arg[1], arg[2])
  end
  for _, option in ipairs(command.options or {}) do
    local left = '--' .. option[1] .. (option[2] and ' ' .. option[2] or '')
    local default = option[4] and (' (%s)'):format(option[4]) or ''
    lines[#lines + 1] = ('  %-24s %s%s'):format(left, option[3], default)
  end
  lines[#lines + 1] = ('  %-24s %s'):format('--help', 'this page')
  return table.concat(lines, '\n') .. '\n'
end

--- A check for options whose value is one of some words.
--- @param ... string
function M.one_of(...)
  local words = { ... }
  return function(text)
    for _, word in ipairs(words) do
      if word == text then return text end
    end
    return nil, suggest.hint(text, words, 'it must be one of ' .. suggest.list(words))
  end
end

--- A check for seconds above 0.
function M.seconds(text)
  local number = tonumber(text)
  if number and number > 0 and number < 1e9 then return number end
  return nil, 'it must be seconds above 0'
end

--- A check for whole numbers from 0 on.
function M.number(text)
  local number = text:find '^%d+$' and tonumber(text)
  if number and number < 2 ^ 53 then return number end
  return nil, 'it must be a whole number'
end

--- A check for a size, which gives bytes.
function M.size(text)
  local bytes = types.bytes(tonumber(text) or text)
  if bytes then return bytes end
  return nil, "it must be a size such as '64M'"
end

local function find(command, name)
  local known = { 'help' }
  for _, option in ipairs(command.options or {}) do
    known[#known + 1] = option[1]
    if option[1] == name then return option end
  end
  return nil,
    ("there is no option '--%s': %s"):format(
      name,
      suggest.hint(name, known, 'see --help')
    )
end

local function take_option(command, given, argv, i)
  local name, value = argv[i]:match '^%-%-([^=]+)=?(.*)$'
  local has_value = argv[i]:find('=', 1, true) ~= nil
  if name == 'help' or argv[i] == '-h' then
    given.help = true
    return i
  end
  if not name then
    return nil, ("there is no option '%s'; see --help"):format(argv[i])
  end
  local option, why = find(command, name)
  if not option then return nil, why end
  if not option[2] then
    if has_value then return nil, ('--%s takes no value'):format(name) end
    given[name] = true
    return i
  end
  if not has_value then
    i = i + 1
    value = argv[i]
    if not value then return nil, ('--%s needs a value: %s'):format(name, option[2]) end
  end
  if option[5] then
    local good, fault = option[5](value)
    if good == nil then return nil, ("--%s is '%s': %s"):format(name, value, fault) end
    value = good
  end
  given[name] = value
  return i
end

--- Reads a command line.
--- @param command table
--- @param argv string[]
--- @return table? given options by name, arguments by their words; help = true
--- @return string? why
function M.read(command, argv)
  local given, words, only_words = {}, {}, false
  for _, option in ipairs(command.options or {}) do
    given[option[1]] = option[4]
  end
  local i = 1
  while i <= #argv do
    local text = argv[i]
    if only_words or text == '-' or text:sub(1, 1) ~= '-' then
      words[#words + 1] = text
    elseif text == '--' then
      only_words = true
    else
      local at, why = take_option(command, given, argv, i)
      if not at then return nil, why end
      i = at
    end
    i = i + 1
  end
  if given.help then return given end
  local args = command.args or {}
  for place, arg in ipairs(args) do
    if not words[place] and not arg.optional then
      return nil, ('%s is missing: %s'):format(arg[1], arg[2])
    end
    given[arg[1]] = words[place]
  end
  if #words > #args then
    return nil, ("'%s' is one argument too many"):format(words[#args + 1])
  end
  return given
end

return M
