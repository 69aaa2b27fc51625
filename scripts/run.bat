@echo off
rem Start Redraw, after installing it into .venv if need be: scripts\run.bat [flags]; --help lists the flags.
rem REDRAW_PYTHON and REDRAW_TORCH_INDEX as in lib.sh.
setlocal DisableDelayedExpansion
for %%d in ("%~dp0..") do set "root=%%~fd"
set "venv=%root%\.venv"
set "python=%venv%\Scripts\python.exe"
set "stamp=%venv%\installed"
set "wanted=%TEMP%\redraw-%RANDOM%%RANDOM%.txt"

rem The stamp holds all that an install depends on and is written last: the next start takes up one cut short.
(
    echo "%root%"
    echo "%REDRAW_TORCH_INDEX%"
    type "%root%\pyproject.toml"
    type "%root%\constraints.txt"
) >"%wanted%" 2>nul
if not exist "%python%" goto install
if not exist "%stamp%" goto install
fc /b "%wanted%" "%stamp%" >nul 2>nul
if errorlevel 1 goto install
del "%wanted%"
goto start

:install
if not exist "%python%" goto make_venv
"%python%" -m pip --version >nul 2>nul
if not errorlevel 1 goto install_packages

:make_venv
set "chosen="
if defined REDRAW_PYTHON call :try "%REDRAW_PYTHON%"
call :try py -3
call :try python
call :try python3
if not defined chosen (
    echo Redraw needs Python 3.11 or newer and found none on the PATH; set REDRAW_PYTHON to one that is elsewhere. 1>&2
    goto failed
)
%chosen% -m venv --clear "%venv%"
if errorlevel 1 goto failed

:install_packages
echo Installing Redraw into %venv%; the first time takes some minutes.
rem pip names itself in a package's folder when that package is complete; it takes others for installed too.
for /d %%i in ("%venv%\Lib\site-packages\*.dist-info") do if not exist "%%i\INSTALLER" rmdir /s /q "%%i"
set "index="
if defined REDRAW_TORCH_INDEX set "index=--extra-index-url "%REDRAW_TORCH_INDEX%""
pushd "%root%"
"%python%" -m pip install --disable-pip-version-check --constraint constraints.txt %index% --editable .
if errorlevel 1 (
    popd
    echo The install did not finish; the reason is above. The same command goes on where this one stopped. 1>&2
    goto failed
)
popd
move /y "%wanted%" "%stamp%" >nul

:start
"%python%" "%root%\app.py" %*
exit /b %errorlevel%

:failed
del "%wanted%" 2>nul
exit /b 1

rem Keep the given command as the Python to use, if it is new enough and none was kept before.
:try
if defined chosen exit /b 0
%* -c "import sys; sys.exit(sys.version_info < (3, 11))" >nul 2>nul
if not errorlevel 1 set chosen=%*
exit /b 0
