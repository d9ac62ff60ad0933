class Stocktake < Formula
  desc "@description@"
  homepage "@repository@"
  version "@version@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@repository@/releases/download/v@version@/stocktake-@version@-aarch64-apple-darwin.tar.gz"
      sha256 "@sum_aarch64_apple_darwin@"
    end
    on_intel do
      url "@repository@/releases/download/v@version@/stocktake-@version@-x86_64-apple-darwin.tar.gz"
      sha256 "@sum_x86_64_apple_darwin@"
    end
  end

  on_linux do
    on_arm do
      url "@repository@/releases/download/v@version@/stocktake-@version@-aarch64-unknown-linux-gnu.tar.gz"
      sha256 "@sum_aarch64_unknown_linux_gnu@"
    end
    on_intel do
      url "@repository@/releases/download/v@version@/stocktake-@version@-x86_64-unknown-linux-gnu.tar.gz"
      sha256 "@sum_x86_64_unknown_linux_gnu@"
    end
  end

  def install
    bin.install "stocktake"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/stocktake.bash" => "stocktake"
    fish_completion.install "completions/stocktake.fish"
    zsh_completion.install "completions/stocktake.zsh" => "_stocktake"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/stocktake --version")
    system bin/"stocktake", "init"
    system bin/"stocktake", "validate"
  end
end
