--- The command line: finds the command, reads its options, runs it.
local commands = require 'cli.commands'
local options = require 'cli.options'
local suggest = require 'runsmith.tree.suggest'

local INTERNAL = {
  __evaluate = 'cli.evaluate', __print = 'cli.print', __complete = 'cli.complete',
  __manual = 'cli.manual', __definitions = 'cli.definitions',
}

local function overview()
  local lines = { 'usage: runsmith COMMAND …', '' }
  for _, command in ipairs(commands.all()) do
    lines[#lines + 1] = ('  %-10s %s'):format(command.name, command.summary)
  end
  lines[#lines + 1] = ''
  lines[#lines + 1] = 'runsmith COMMAND --help tells more of each.'
  return table.concat(lines, '\n') .. '\n'
end

--- Runs one command line.
--- @param argv string[] without the program's name
--- @return integer status 0 done, 1 the answer is no, 2 usage, 3 no host there
return function(argv)
  local name = argv[1]
  if name == '--help' or name == '-h' or name == 'help' and not argv[2] then
    io.stdout:write(overview())
    return 0
  end
  if name == '--version' then name = 'version' end
  local rest = { unpack(argv, 2) }
  if name == 'help' then
    name, rest = argv[2], { '--help' }
  end
  if not name then
    io.stderr:write(overview())
    return 2
  end
  if INTERNAL[name] then return require(INTERNAL[name])(rest) end
  local command = commands.find(name)
  if not command then
    io.stderr:write(
      ("runsmith: there is no command '%s': %s\n"):format(
        name,
        suggest.hint(name, commands.NAMES)
      )
    )
    return 2
  end
  local given, why = options.read(command, rest)
  if not given then
    io.stderr:write(('runsmith %s: %s\n%s'):format(name, why, options.usage(command)))
    return 2
  end
  if given.help then
    io.stdout:write(options.help(command))
    return 0
  end
  return command.run(given)
end
