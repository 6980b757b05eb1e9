//! `spt completions`: what a shell needs to complete `spt`.

use clap_complete::Shell;

use crate::error::Result;
use crate::exit::Exit;
use crate::ui::Ui;

/// Print a shell's completions
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  spt completions bash > ~/.local/share/bash-completion/completions/spt
  spt completions zsh > ~/.zfunc/_spt
  spt completions fish > ~/.config/fish/completions/spt.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, ui: &Ui) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::command(), "spt", &mut script);
    ui.answer(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
