/*
 * The assembler embeds the files (gcc 12 has no #embed); their names are relative to the top-level
 * folder, where make compiles. `-MMD` does not see them: the Makefile names them as prerequisites.
 */
#include "reports/html_assets.h"

#define INCBIN(file) ".incbin \"reports/html/" file "\"\n"
#define EMBED(symbol, files)                                                                    \
	__asm__(".pushsection .rodata\n"                                                        \
		".global " #symbol "\n" #symbol ":\n" files ".global " #symbol "_end\n" #symbol \
		"_end:\n"                                                                       \
		".byte 0\n"                                                                     \
		".popsection\n");                                                               \
	extern const char symbol[] __attribute__((visibility("hidden")));                       \
	extern const char symbol##_end[] __attribute__((visibility("hidden")))

EMBED(html_page, INCBIN("page.html"));
EMBED(html_style, INCBIN("page.css"));
EMBED(html_script, INCBIN("matrix.js") INCBIN("case.js") INCBIN("page.js"));

struct report_text html_asset(enum html_asset which)
{
	const struct {
		const char *start, *end;
	} assets[ASSET_N] = {
		[ASSET_PAGE] = { html_page, html_page_end },
		[ASSET_STYLE] = { html_style, html_style_end },
		[ASSET_SCRIPT] = { html_script, html_script_end },
	};

	return (struct report_text){ assets[which].start,
				     (size_t)(assets[which].end - assets[which].start) };
}
