/*
 * log_template_save.h
 *		The templates of log lines in their table, log_templates.
 */
#ifndef HOMEO_LOG_TEMPLATE_SAVE_H
#define HOMEO_LOG_TEMPLATE_SAVE_H

extern void homeo_log_template_save_init(void);

/*
 * Whether templates can be used in this transaction; they are loaded if need
 * be.  False in a database whose templates nobody keeps.
 */
extern bool homeo_log_template_ensure(void);

/*
 * Writes what has changed into the tables.  If another transaction is about to,
 * or it fails, which is logged, it is left for the next call.
 */
extern void homeo_log_template_save(void);

#endif							/* HOMEO_LOG_TEMPLATE_SAVE_H */
