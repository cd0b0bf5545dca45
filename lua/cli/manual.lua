--- runsmith __manual: the manual page, in mdoc, from the table of commands.
local commands = require 'cli.commands'

local DATE = 'November 22, 2026' -- when its own words last changed

local COLUMNS = 78

local HEAD = [[
.Dd %s
.Dt RUNSMITH 1
.Os
.Sh NAME
.Nm runsmith
.Nd supervision of programs made of units
.Sh SYNOPSIS
]]

local ABOUT = [[
.Sh DESCRIPTION
A program made of several long-running units is described as a tree in a Lua
script.
.Nm
runs it: it starts the units in order, watches each of them, tells crashes,
stalls and missed deadlines, and confines each restart to the unit that failed.
.Pp
A unit is named by its path: its own name and its ancestors', from the root,
joined by slashes.
Where a path is asked for, patterns such as
.Ql plant/*/camera
name several.
]]

local TAIL = [[
.Sh ENVIRONMENT
.Bl -tag -width RUNSMITH_SOCKET
.It Ev RUNSMITH_SOCKET
the socket of the host that commands talk to, if
.Fl -socket
does not say it.
Units have it, too.
.It Ev XDG_RUNTIME_DIR
the folder in which a host makes its socket.
.It Ev NO_COLOR
if it is not empty, nothing is painted.
.It Ev NOTIFY_SOCKET
whom the host itself tells that it is ready and alive.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa $XDG_RUNTIME_DIR/runsmith/NAME.sock
the socket of the host whose root is NAME; without that folder
.Pa /run/runsmith/NAME.sock .
.El
.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
it is done.
.It 1
it failed, or the answer is no.
.It 2
the command line was wrong.
.It 3
there is no such host.
.El
.Pp
.Cm run
ends with 0 when the tree has completed or was stopped, with 1 when it failed.
It stops in order at
.Dv SIGTERM ,
.Dv SIGINT
and
.Dv SIGQUIT ,
kills everything at a second one, and reloads at
.Dv SIGHUP .
.Sh EXAMPLES
.Bd -literal
runsmith init plant && cd plant
runsmith check tree.lua
runsmith run tree.lua --journal plant.journal
runsmith status
runsmith restart 'plant/*/camera'
runsmith journal plant/edge --since 1h --kind violation,restart
runsmith why plant/edge/camera
.Ed
.Sh SEE ALSO
.Xr luajit 1
]]

-- Text as roff takes it.
local function plain(text)
  text = text:gsub('\\', '\\e'):gsub('…', '...'):gsub('%-%-', '\\-\\-')
  local lines, line = {}, ''
  for part in text:gmatch '%S+' do
    if #line + #part >= COLUMNS then
      lines[#lines + 1], line = line, ''
    end
    line = (line == '' and '' or line .. ' ') .. part
  end
  lines[#lines + 1] = line
  return (('\n' .. table.concat(lines, '\n')):gsub("\n([.'])", '\n\\&%1'):sub(2))
end

-- In a macro's line, words that are macros' names, and quotes, need care.
local function word(text)
  return '"' .. plain(text):gsub('"', '""') .. '"'
end

local function synopsis(command)
  local parts = { '.Nm', '.Cm ' .. command.name }
  for _, arg in ipairs(command.args or {}) do
    local text = (arg.optional and '.Op Ar ' or '.Ar ') .. word(arg[1])
    parts[#parts + 1] = text
  end
  if (command.options or {})[1] then parts[#parts + 1] = '.Op Ar options' end
  return table.concat(parts, '\n')
end

local function section(command)
  local lines = { ('.Ss %s'):format(command.name), plain(command.summary) .. '.' }
  if command.args or command.options then
    lines[#lines + 1] = '.Bl -tag -width Ds'
    for _, arg in ipairs(command.args or {}) do
      lines[#lines + 1] = '.It Ar ' .. word(arg[1])
      lines[#lines + 1] = plain(arg[2])
    end
    for _, option in ipairs(command.options or {}) do
      local value = option[2] and ' Ar ' .. word(option[2]) or ''
      local default = option[4] and (' (%s)'):format(option[4]) or ''
      lines[#lines + 1] = ('.It Fl -%s%s'):format(option[1], value)
      lines[#lines + 1] = plain(option[3] .. default)
    end
    lines[#lines + 1] = '.El'
  end
  return table.concat(lines, '\n')
end

return function()
  local all, parts = commands.all(), { HEAD:format(DATE) }
  for _, command in ipairs(all) do
    parts[#parts + 1] = synopsis(command) .. '\n'
  end
  parts[#parts + 1] = ABOUT .. '.Sh COMMANDS\n'
  for _, command in ipairs(all) do
    parts[#parts + 1] = section(command) .. '\n'
  end
  io.stdout:write(table.concat(parts), TAIL)
  return 0
end
