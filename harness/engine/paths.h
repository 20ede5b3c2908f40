/* Where gofercert's own helpers and data are: beside the program in a build tree, else as installed. */
#ifndef HX_ENGINE_PATHS_H
#define HX_ENGINE_PATHS_H

/* The guest probe or refrun: "probe", "refrun". NULL without memory; may name a file that is not there. */
char *path_helper(const char *name);
/* A data file: "known/known.json", …; the source tree's fixtures/ or the installed share folder. */
char *path_data(const char *name);

#endif
