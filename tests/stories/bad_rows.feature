Feature: No row is lost
  What a desk exports is never clean. A row that cannot be used is put aside with its place and the reason, the rows
  around it are kept, and the numbers add up.

  Scenario: Rows that cannot be used are kept with their reason
    Given a desk with 600 cases
    And its last file of tickets ends with these rows
      | row                                                                                                                                                             |
      | T90000001,only three,fields                                                                                                                                     |
      | T90000002,C1,,email,2025-03-01T10:00:00,,,12,0,0,A1,en,a subject,a body that says enough,refund_status,5,heads,one too many                                     |
      | T90000003,C1,,email,2025-02-30T10:00:00,,,12,0,0,A1,en,a subject,a body that says enough,refund_status,5,heads                                                  |
      | T90000004,C1,,email,2025-03-01T10:00:00,,,soon,0,0,A1,en,a subject,a body that says enough,refund_status,5,heads                                                |
      | ,C1,,email,2025-03-01T10:00:00,,,12,0,0,A1,en,a subject,a body that says enough,refund_status,5,heads                                                           |
      | T90000005,C1,,email,2025-03-01T10:00:00,,,12,0,0,A1,en,a subject,a body that says enough,refund_status,5,heads                                                  |
      | T90000005,C1,,email,2025-03-01T10:00:00,,,12,0,0,A1,en,a subject,a body that says enough,refund_status,5,heads                                                  |
    When the desk is run
    Then the run ends well
    And every row of every source is a row of its table, a duplicate or a reject
    And these tickets are put aside
      | ticket    | rule      | column          | value               |
      | T90000001 | fields    |                 |                     |
      | T90000002 | fields    |                 |                     |
      | T90000003 | cast      | opened_at       | 2025-02-30T10:00:00 |
      | T90000004 | cast      | waiting_minutes | soon                |
      |           | not_null  | ticket_id       |                     |
      | T90000005 | duplicate |                 |                     |
    And every reject names its file, its line and what to do

  Scenario: Too many bad rows stop the run before a model learns from the rest
    Given a desk with 600 cases
    And the project allows at most 0.1 percent of rejects
    When the desk is run
    Then the run ends with a refusal
    And the refusal says "more than the allowed 0.1%"
    And nothing was published

  Scenario: Rows that were mended by hand come back, each of them once
    Given a desk with 600 cases
    And its last file of tickets ends with these rows
      | row                                                                                                    |
      | T90000001,only three,fields                                                                            |
      | T90000002,C1,,email,2025-03-01T10:00:00,,,soon,0,0,A1,en,late,where is my parcel,delivery_late,5,heads |
      | T90000003,C1,,email,2025-03-01T10:00:00,,,很久,0,0,A1,zh,退款,退款什么时候到账,refund_status,5,heads               |
    And the desk was run
    When its rejected tickets are exported and mended
      | ticket    | column          | value               |
      | T90000001 | ticket_id       | T90000001           |
      | T90000001 | body            | the rest of it      |
      | T90000001 | opened_at       | 2025-03-01T10:00:00 |
      | T90000002 | waiting_minutes | 12                  |
      | T90000003 | waiting_minutes | 90                  |
    And the mended rows are handed in
    Then 3 rows are mended, and there are 3 rejects fewer
    And each of these tickets is in the table once
      | ticket    | body               |
      | T90000001 | the rest of it     |
      | T90000002 | where is my parcel |
      | T90000003 | 退款什么时候到账           |
    And every row of every source is a row of its table, a duplicate or a reject
    And the model "intent" is said to be older than its "tickets"
    When the mended rows are handed in
    Then 0 rows are mended, and there are 0 rejects fewer
    When the desk is run
    Then the model "intent" has 2 versions
    When version 2 of "intent" is promoted because "it knows the mended rows"
    Then the model "intent" is up to date
