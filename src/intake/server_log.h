/*
 * server_log.h
 *		Captures the errors that the server reports to its log.
 */
#ifndef HOMEO_SERVER_LOG_H
#define HOMEO_SERVER_LOG_H

extern void homeo_server_log_init(void);

#endif							/* HOMEO_SERVER_LOG_H */
