/*
 * relation.h
 *		What the catalogs say about a relation.
 */
#ifndef HOMEO_RELATION_H
#define HOMEO_RELATION_H

/* The role that a relation belongs to; there must be such a relation. */
extern Oid	homeo_relation_owner(Oid relation);

#endif							/* HOMEO_RELATION_H */
